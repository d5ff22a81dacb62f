/**
 * A gRPC client that behaves like grpc-go, which every traffic manager has: one HTTP/2 connection over TLS, dialed by the
 * first call, and windows whose size a BandwidthProbe finds. It uses Node's HTTP/2.
 */
import {
  type ClientHttp2Session,
  type ClientHttp2Stream,
  connect,
  constants,
  type IncomingHttpHeaders,
} from 'node:http2';
import { isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { BandwidthProbe } from './bandwidth-probe.js';
import { framed, MessageSplitter } from './schema.js';

const OK = 0;
const CANCELLED = 1;
const UNKNOWN = 2;
const DEADLINE_EXCEEDED = 4;
const UNAVAILABLE = 14;

/** How a call ended. */
export interface CallEnd {
  /** A gRPC status code. */
  readonly code: number;
  readonly details: string;
}

/** Rejection of a call with one response. */
export class CallFailure extends Error implements CallEnd {
  readonly code: number;
  readonly details: string;

  constructor({ code, details }: CallEnd) {
    super(`${code}: ${details}`);
    this.code = code;
    this.details = details;
  }
}

export interface CallHandler {
  onMessage(message: Buffer): void;
  /** Called once. */
  onEnd(end: CallEnd): void;
}

/** Metadata of a call, by lower-case names. */
export type CallHeaders = Readonly<Record<string, string>>;

export interface CloudClientOptions {
  /** The name in the certificate, and the authority of calls. */
  readonly host: string;
  readonly port: number;
  /** The address to dial. */
  readonly address: string;
  /** PEM: the authority of the certificate. */
  readonly ca: string;
}

export class CloudClient {
  private session: ClientHttp2Session | null = null;
  private probe: BandwidthProbe | null = null;
  private isClosed = false;

  constructor(private readonly options: CloudClientOptions) {}

  /** Number of PINGs sent on the current connection. */
  get pings(): number {
    return this.probe?.pings ?? 0;
  }

  /** Makes a call with one response. Rejects with CallFailure. `timeoutMs` is also sent to the other side; null: none. */
  unary(path: string, headers: CallHeaders, request: Buffer, timeoutMs: number | null): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      let answer: Buffer | null = null;
      const sent = timeoutMs === null ? headers : { ...headers, 'grpc-timeout': `${timeoutMs}m` };
      const call = this.open(path, sent, {
        onMessage: (message) => (answer = message),
        onEnd: (end) => {
          clearTimeout(timer);
          if (end.code === OK && answer !== null) resolve(answer);
          else reject(new CallFailure(end));
        },
      });
      const timer =
        timeoutMs === null
          ? undefined
          : setTimeout(() => call.finish({ code: DEADLINE_EXCEEDED, details: 'too late' }), timeoutMs);
      call.send(request);
      call.end();
    });
  }

  /** Makes a call with any number of messages both ways. */
  open(path: string, headers: CallHeaders, handler: CallHandler): CloudCall {
    if (this.isClosed) throw new CallFailure({ code: UNAVAILABLE, details: 'the client is closed' });
    const { session, probe } = this.connected();
    const stream = session.request({
      ':method': 'POST',
      ':path': path,
      // Always without the port.
      ':authority': this.options.host,
      'content-type': 'application/grpc',
      'user-agent': 'grpc-go/1.49.0',
      te: 'trailers',
      ...headers,
    });
    return new CloudCall(stream, probe, handler);
  }

  /** Ends the connection with every call on it. */
  close(): void {
    this.isClosed = true;
    this.session?.destroy();
  }

  private connected(): { session: ClientHttp2Session; probe: BandwidthProbe } {
    if (this.session !== null && this.probe !== null && !this.session.closed && !this.session.destroyed)
      return { session: this.session, probe: this.probe };
    const { host, port, address, ca } = this.options;
    const servername = isIP(host) === 0 ? { servername: host } : {};
    const session = connect(`https://${host}:${port}`, {
      createConnection: () =>
        connectTls({ host: address, port, ca, ALPNProtocols: ['h2'], ...servername }).setNoDelay(),
      settings: { enablePush: false },
    });
    // The end of each call reports its effect on that call.
    session.on('error', () => undefined);
    this.session = session;
    this.probe = new BandwidthProbe(session);
    return { session, probe: this.probe };
  }
}

export class CloudCall {
  private status: CallEnd | null = null;
  private isEnded = false;

  constructor(
    private readonly stream: ClientHttp2Stream,
    probe: BandwidthProbe,
    private readonly handler: CallHandler,
  ) {
    const splitter = new MessageSplitter((message) => {
      if (!this.isEnded) handler.onMessage(message);
    });
    stream.on('response', (headers) => this.readStatus(headers));
    stream.on('trailers', (headers) => this.readStatus(headers));
    stream.on('data', (bytes: Buffer) => {
      probe.receive(bytes.length);
      splitter.push(bytes);
    });
    stream.on('end', () => this.finish(this.status ?? { code: UNKNOWN, details: 'no status' }));
    stream.on('error', () => undefined);
    stream.on('close', () => this.finish(this.status ?? endOfReset(stream.rstCode)));
  }

  /** Sends one message; `done` is called when there is room for another. */
  send(message: Buffer, done: () => void = () => undefined): void {
    if (this.stream.writable) this.stream.write(framed(message), () => done());
  }

  /** Half-closes the call. */
  end(): void {
    this.stream.end();
  }

  cancel(): void {
    this.finish({ code: CANCELLED, details: 'canceled by the caller' });
  }

  /** Ends the call on this side, regardless of the other side. */
  finish(end: CallEnd): void {
    if (this.isEnded) return;
    this.isEnded = true;
    if (!this.stream.destroyed) this.stream.close(constants.NGHTTP2_CANCEL);
    this.handler.onEnd(end);
  }

  private readStatus(headers: IncomingHttpHeaders): void {
    if (headers['grpc-status'] === undefined) return;
    const details = decodeURIComponent(String(headers['grpc-message'] ?? ''));
    this.status = { code: Number(headers['grpc-status']), details };
  }
}

function endOfReset(code: number): CallEnd {
  const status = code === constants.NGHTTP2_CANCEL ? CANCELLED : UNAVAILABLE;
  return { code: status, details: `the stream was reset (${code})` };
}
