/** A scripted meeting point: accepts real tunnels and leaves the control stream to the test. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  acceptTunnel,
  type GoAwayCode,
  type Hello,
  type IncomingStream,
  type StreamTarget,
  type TunnelConnection,
  WEBSOCKET_OPTIONS,
  WebSocketCarrier,
} from '@culvert/tunnel';
import { WebSocketServer } from 'ws';
import { Deferred } from './deferred.js';

/** `interceptId` of control streams (docs/cluster.md §2). */
const CONTROL = 'culvert:control';

export class MeetingPointDouble {
  /** HTTP status that refuses upgrades, or null. */
  refuseWith: number | null = null;
  /** Authorization and path of all upgrades so far. */
  readonly upgrades: { readonly path: string; readonly authorization: string }[] = [];
  private readonly webSockets = new WebSocketServer({ noServer: true, ...WEBSOCKET_OPTIONS });
  private readonly arrived = new Queue<DialerPeer>();

  private constructor(private readonly server: Server) {
    server.on('upgrade', (request, socket, head) => {
      socket.on('error', () => {});
      const { url = '', headers } = request;
      this.upgrades.push({ path: url, authorization: headers.authorization ?? '' });
      if (this.refuseWith !== null) {
        socket.end(`HTTP/1.1 ${this.refuseWith} No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n`);
        return;
      }
      this.webSockets.handleUpgrade(request, socket, head, (webSocket) => {
        DialerPeer.accept(new WebSocketCarrier(webSocket), (peer) => this.arrived.push(peer));
      });
    });
  }

  static async start(port = 0): Promise<MeetingPointDouble> {
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    return new MeetingPointDouble(server);
  }

  get url(): URL {
    return new URL(`http://127.0.0.1:${(this.server.address() as AddressInfo).port}`);
  }

  /** Resolves with the next dialer whose control stream is open, or one that was not returned yet. */
  nextPeer(): Promise<DialerPeer> {
    return this.arrived.next();
  }

  /** Acts like a process that is killed. */
  async stop(): Promise<void> {
    for (const webSocket of this.webSockets.clients) webSocket.terminate();
    this.server.close();
    this.server.closeAllConnections();
    await once(this.server, 'close');
  }
}

/** One connected dialer, as the meeting point sees it. */
export class DialerPeer {
  readonly tunnel: TunnelConnection;
  hello!: Hello;
  /** What the control stream was opened with. */
  controlTarget!: StreamTarget;
  readonly closed: Promise<{ readonly code: GoAwayCode; readonly reason: string }>;
  private control: IncomingStream | null = null;
  private text = '';
  private readonly lines = new Queue<Record<string, unknown>>();

  /** Calls `onControl` once its control stream is open. */
  static accept(carrier: WebSocketCarrier, onControl: (peer: DialerPeer) => void): DialerPeer {
    return new DialerPeer(carrier, onControl);
  }

  private constructor(carrier: WebSocketCarrier, onControl: (peer: DialerPeer) => void) {
    const closed = new Deferred<{ code: GoAwayCode; reason: string }>();
    this.closed = closed.promise;
    this.tunnel = acceptTunnel(carrier, {
      onHello: (hello) => {
        this.hello = hello;
        return Promise.resolve({ accept: { sessionId: hello.managerId, resumed: false } });
      },
      onStream: (stream, target) => {
        if (target.interceptId !== CONTROL) return stream.accept();
        this.controlTarget = target;
        this.control = stream;
        stream.handler = {
          onOpen: () => undefined,
          onData: (chunk) => this.handleText(chunk.toString()),
          onEnd: () => undefined,
          onReset: () => undefined,
          onDrain: () => undefined,
        };
        stream.accept();
        onControl(this);
      },
      onClose: (code, reason) => closed.resolve({ code, reason }),
    });
  }

  /** Resolves with the next received line, parsed. */
  nextLine(): Promise<Record<string, unknown>> {
    return this.lines.next();
  }

  send(line: object): void {
    this.write(`${JSON.stringify(line)}\n`);
  }

  /** Sends raw bytes on the control stream. */
  write(bytes: string | Buffer): void {
    this.control!.write(Buffer.from(bytes));
  }

  /** Ends the control stream and keeps the tunnel open. */
  endControl(): void {
    this.control!.end();
  }

  /** Stops reading lines until `readOn`. */
  stopReading(): void {
    this.control!.pause();
  }

  readOn(): void {
    this.control!.resume();
  }

  private handleText(text: string): void {
    const lines = (this.text + text).split('\n');
    this.text = lines.pop()!;
    for (const line of lines) this.lines.push(JSON.parse(line) as Record<string, unknown>);
  }
}

/** A queue of items for awaiting consumers. */
class Queue<T> {
  private readonly items: T[] = [];
  private readonly takers: ((item: T) => void)[] = [];

  push(item: T): void {
    const taker = this.takers.shift();
    if (taker === undefined) this.items.push(item);
    else taker(item);
  }

  next(): Promise<T> {
    if (this.items.length > 0) return Promise.resolve(this.items.shift()!);
    return new Promise((resolve) => void this.takers.push(resolve));
  }
}
