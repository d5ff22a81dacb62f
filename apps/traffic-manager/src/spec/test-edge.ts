/** A small edge: accepts native tunnels on a real WebSocket server and opens streams on request. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  acceptTunnel,
  GoAwayCode,
  TUNNEL_PATH,
  WEBSOCKET_OPTIONS,
  WebSocketCarrier,
  type Hello,
  type HelloAnswer,
  type Stream,
  type StreamHandler,
  type StreamTarget,
  type TunnelConnection,
} from '@culvert/tunnel';
import { WebSocketServer } from 'ws';

export interface AcceptedTunnel {
  readonly tunnel: TunnelConnection;
  readonly hello: Hello;
  readonly closed: Promise<{ readonly code: GoAwayCode; readonly reason: string }>;
}

export class TestEdge {
  /** Response to the next HELLOs. */
  answer: HelloAnswer = { accept: { sessionId: 'session', resumed: false } };
  /** HTTP status that refuses upgrades, or null. */
  refuseWith: number | null = null;
  /** Authorization headers of all upgrades so far. */
  readonly credentials: (string | undefined)[] = [];
  private readonly accepted: AcceptedTunnel[] = [];
  private wake: (() => void) | null = null;
  private readonly webSockets = new WebSocketServer({ noServer: true, ...WEBSOCKET_OPTIONS });

  private constructor(private readonly server: Server) {
    server.on('upgrade', (request, socket, head) => {
      socket.on('error', () => {});
      this.credentials.push(request.headers.authorization);
      if (request.url !== TUNNEL_PATH || this.refuseWith !== null) {
        socket.end(`HTTP/1.1 ${this.refuseWith ?? 404} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
        this.wake?.();
        return;
      }
      this.webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        this.accept(new WebSocketCarrier(webSocket));
      });
    });
  }

  static async start(port = 0): Promise<TestEdge> {
    const server = createServer();
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new TestEdge(server);
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Resolves with the next tunnel that opens, or an open one that was not returned yet. */
  async nextTunnel(): Promise<AcceptedTunnel> {
    for (;;) {
      const next = this.accepted.shift();
      if (next !== undefined) return next;
      await this.somethingHappens();
    }
  }

  /** Resolves at the next refused upgrade or opened tunnel. */
  somethingHappens(): Promise<void> {
    return new Promise((resolve) => {
      this.wake = resolve;
    });
  }

  async stop(): Promise<void> {
    for (const { tunnel } of this.accepted) tunnel.close(GoAwayCode.NORMAL, 'the test is over');
    for (const client of this.webSockets.clients) client.terminate();
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }

  private accept(carrier: WebSocketCarrier): void {
    let hello: Hello;
    let markClosed: (end: { code: GoAwayCode; reason: string }) => void;
    const closed = new Promise<{ code: GoAwayCode; reason: string }>((resolve) => {
      markClosed = resolve;
    });
    const tunnel = acceptTunnel(carrier, {
      onHello: (received) => {
        hello = received;
        return Promise.resolve(this.answer);
      },
      onOpen: () => {
        this.accepted.push({ tunnel, hello, closed });
        this.wake?.();
      },
      onClose: (code, reason) => markClosed({ code, reason }),
    });
  }
}

export function targetOf(port: number, changes: Partial<StreamTarget> = {}): StreamTarget {
  return {
    interceptId: 'i:web',
    host: '127.0.0.1',
    port,
    tls: false,
    serverName: '',
    verifyTls: true,
    ...changes,
  };
}

/** The edge's side of one stream, as promises. */
export class StreamProbe implements StreamHandler {
  stream!: Stream;
  readonly received: Buffer[] = [];
  receivedBytes = 0;
  onChunk: (chunk: Buffer) => void = (chunk) => void this.received.push(Buffer.from(chunk));
  readonly opened: Promise<void>;
  readonly ended: Promise<void>;
  readonly reset: Promise<{ readonly code: number; readonly detail: string }>;
  private markOpened!: () => void;
  private markEnded!: () => void;
  private markReset!: (reset: { code: number; detail: string }) => void;
  private markDrained: () => void = () => undefined;

  constructor(tunnel: TunnelConnection, target: StreamTarget) {
    this.opened = new Promise((resolve) => {
      this.markOpened = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.markEnded = resolve;
    });
    this.reset = new Promise((resolve) => {
      this.markReset = resolve;
    });
    const stream = tunnel.openStream(target, this);
    if (stream === null) throw new Error('the tunnel takes no stream');
    this.stream = stream;
  }

  get text(): string {
    return Buffer.concat(this.received).toString();
  }

  /** Writes and waits until more may be written. */
  async write(chunk: Buffer): Promise<void> {
    if (this.stream.write(chunk)) return;
    await new Promise<void>((resolve) => {
      this.markDrained = resolve;
    });
  }

  onOpen(): void {
    this.markOpened();
  }
  onData(chunk: Buffer): void {
    this.receivedBytes += chunk.length;
    this.onChunk(chunk);
  }
  onEnd(): void {
    this.markEnded();
  }
  onReset(code: number, detail: string): void {
    this.markReset({ code, detail });
  }
  onDrain(): void {
    this.markDrained();
  }
}
