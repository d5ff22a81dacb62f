import type { Tunnel } from '@culvert/tunnel';
import type { GrpcStatus } from './grpc-status.js';
import type { ManagerClient } from './manager-client.js';

/** Why a reverse connection ended. */
export interface ReverseTunnelEnd {
  /** `manager`: it half-closed or cancelled. `fault`: it broke a rule. `edge`: `close` was called. */
  readonly by: 'manager' | 'fault' | 'edge';
  readonly detail: string;
}

export interface ReverseTunnelHandler {
  /** The manager speaks HTTP/2: streams may be opened and calls made. */
  onOpen(): void;
  /** The tunnel has ended, and with it every stream. The call below has been ended too. Called once. */
  onClose(end: ReverseTunnelEnd): void;
}

/** A tunnel over one ReverseConnection call, and the calls that can be made through it. */
export interface ReverseTunnelConnection extends Tunnel {
  readonly kind: 'telepresence';
  readonly manager: ManagerClient;
  /** Opens no more streams, and ends the call with `status` once those that are open have ended. */
  drain(status: GrpcStatus, message: string): void;
  /** Ends every stream and the call at once. The manager dials again after at most 5 s, whatever the status. */
  close(status: GrpcStatus, message: string): void;
}
