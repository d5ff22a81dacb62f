import type { IncomingMessage } from 'node:http';
import type { INestApplication } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { WEBSOCKET_OPTIONS } from '@culvert/tunnel';
import type { TunnelAuthenticator } from './tunnel-authenticator.js';
import type { TunnelSessions } from './tunnel-sessions.js';

type Verify = (isAccepted: boolean, status?: number, body?: string, headers?: Record<string, string>) => void;

/** Nest's `ws` adapter, with the key checked before the handshake, bounded messages and no compression. */
export class TunnelWsAdapter extends WsAdapter {
  constructor(
    app: INestApplication,
    private readonly authenticator: TunnelAuthenticator,
    private readonly tunnels: Pick<TunnelSessions, 'hasRoom' | 'onLimit'>,
  ) {
    super(app);
  }

  override create(port: number, options: Record<string, unknown>): unknown {
    return super.create(port, {
      ...options,
      ...WEBSOCKET_OPTIONS,
      clientTracking: true,
      verifyClient: ({ req }: { req: IncomingMessage }, done: Verify) => void this.verify(req, done),
    } as never);
  }

  /** Leaves messages to the tunnel: Nest would parse each as JSON to find a handler for it. */
  override bindMessageHandlers(): void {}

  private async verify(request: IncomingMessage, done: Verify): Promise<void> {
    const { hasRoom } = this.tunnels;
    if (!hasRoom) this.tunnels.onLimit('tunnels');
    const refusal = hasRoom
      ? await this.authenticator.authenticate(request).catch(() => ({
          status: 503,
          code: 'unavailable',
          detail: 'The key cannot be checked at the moment. Try again.',
        }))
      : { status: 503, code: 'tunnel_limit', detail: 'This edge has reached its limit of tunnels.' };
    if (refusal === null) {
      done(true);
      return;
    }
    const body = JSON.stringify({
      type: `urn:culvert:error:${refusal.code}`,
      title: 'The tunnel is refused',
      ...refusal,
    });
    done(false, refusal.status, body, {
      'Content-Type': 'application/problem+json',
      ...(refusal.status === 401 ? { 'WWW-Authenticate': 'Bearer realm="culvert"' } : { 'Retry-After': '5' }),
    });
  }
}
