import type { IncomingMessage } from 'node:http';
import { Inject } from '@nestjs/common';
import { type OnGatewayConnection, WebSocketGateway } from '@nestjs/websockets';
import { LOG } from '@culvert/nest';
import { TUNNEL_PATH, WebSocketCarrier } from '@culvert/tunnel';
import type { Logger } from 'pino';
import type { WebSocket } from 'ws';
import { NativeTunnels } from './native-tunnels.js';
import { TunnelAuthenticator } from './tunnel-authenticator.js';

/** Endpoint at which traffic managers connect (docs/protocol.md). */
@WebSocketGateway({ path: TUNNEL_PATH })
export class TunnelGateway implements OnGatewayConnection<WebSocket> {
  constructor(
    @Inject(TunnelAuthenticator) private readonly authenticator: TunnelAuthenticator,
    @Inject(NativeTunnels) private readonly tunnels: NativeTunnels,
    @Inject(LOG) private readonly log: Logger,
  ) {}

  handleConnection(socket: WebSocket, request: IncomingMessage): void {
    const remoteAddress = this.authenticator.addressOf(request);
    try {
      this.tunnels.accept(new WebSocketCarrier(socket), this.authenticator.ownerOf(request), remoteAddress);
    } catch (error) {
      this.log.error({ err: error }, 'tunnel could not be accepted');
      socket.terminate();
    }
  }
}
