/**
 * The gRPC server inside a reverse connection: the three calls that a cloud may make, with the manager's behavior. Other
 * calls are recorded, and calls that would crash a manager are reported as such.
 */
import {
  constants,
  type Http2Session,
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Stream,
} from 'node:http2';
import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { BandwidthProbe } from './bandwidth-probe.js';
import type { Behaviour, Faults } from './behaviour.js';
import { infoOf, type DoubleIngress, type InterceptTable } from './intercept-table.js';
import { decodeMessage, encodeMessage, framed, MessageSplitter } from './schema.js';

const UNKNOWN = 2;
const NOT_FOUND = 5;
const FAILED_PRECONDITION = 9;
const UNIMPLEMENTED = 12;

/** Bytes that io.Copy reads at once. */
const COPY_BYTES = 32 * 1024;
const COALESCED_COPY_BYTES = 256 * 1024;

/** Limit of PINGs of a client in grpc-go's server: the allowed one, and two strikes. */
const MAX_PINGS = 3;

const CONNECTION_WINDOW_BYTES = 4 * 1024 * 1024;

/** Buffer for reads from ingresses without TLS: bytes are copied into their message at once. */
const shared = Buffer.allocUnsafeSlow(COALESCED_COPY_BYTES);

export interface InnerServerOwner {
  /** A preview must be removed: calls RemoveDomain. */
  removeDomain(domain: string): Promise<void>;
  /** HandleConnection for an intercept that never had a preview: the process dies. */
  crash(reason: string): void;
  /** A call that a cloud must not make. */
  noteCall(path: string): void;
}

export class InnerServer {
  /** HandleConnection calls in progress. */
  connections = 0;
  /** Their highest number at once. */
  peakConnections = 0;
  /** Their total number. */
  totalConnections = 0;
  /** PINGs of the cloud. */
  receivedPings = 0;
  private session: Http2Session | null = null;
  private probe: BandwidthProbe | null = null;
  private readonly sockets = new Set<Socket>();

  constructor(
    private readonly table: InterceptTable,
    private readonly behaviour: Behaviour,
    private readonly faults: Faults,
    private readonly owner: InnerServerOwner,
  ) {}

  /** PINGs sent to measure the bandwidth. */
  get pings(): number {
    return this.probe?.pings ?? 0;
  }

  serve(transport: Duplex): void {
    const session = performServerHandshake(transport, {
      settings: {
        ...(this.behaviour.maxStreams !== undefined && { maxConcurrentStreams: this.behaviour.maxStreams }),
        initialWindowSize: this.behaviour.speaksFirst ? 65_535 : 1_048_576,
        maxFrameSize: this.behaviour.speaksFirst ? 16_384 : 1_048_576,
      },
    });
    this.session = session;
    if (!this.behaviour.speaksFirst) session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    session.on('error', () => session.destroy());
    session.on('ping', () => {
      this.receivedPings += 1;
      // Counted within five minutes, which is longer than any test. grpc-go resets them when it answers a call; the double
      // does not.
      if (this.behaviour.countsPings && this.receivedPings > MAX_PINGS)
        session.goaway(constants.NGHTTP2_ENHANCE_YOUR_CALM, 0, Buffer.from('too_many_pings'));
    });
    const probe = this.behaviour.measuresInside ? new BandwidthProbe(session) : null;
    this.probe = probe;
    session.on('stream', (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
      stream.on('error', () => stream.close());
      if (probe !== null) stream.on('data', (bytes: Buffer) => probe.receive(bytes.length));
      this.handle(stream, headers[':path'] ?? '');
    });
  }

  /** Sends GOAWAY. */
  goAway(): void {
    this.session?.goaway(0);
  }

  /** Closes everything of the connection; sockets to ingresses too if the process dies. */
  close(): void {
    this.session?.destroy();
    for (const socket of this.sockets) socket.destroy();
  }

  private handle(stream: ServerHttp2Stream, path: string): void {
    switch (path) {
      case '/telepresence.manager.ManagerProxy/HandleConnection':
        this.handleConnection(stream);
        break;
      case '/telepresence.manager.Manager/WatchIntercepts':
        this.watchIntercepts(stream);
        break;
      case '/telepresence.manager.Manager/UpdateIntercept':
        this.updateIntercept(stream);
        break;
      case '/telepresence.manager.Manager/Version':
        onRequest(stream, () =>
          answer(stream, encodeMessage('VersionInfo2', { version: this.behaviour.version })),
        );
        break;
      default:
        this.owner.noteCall(path);
        fail(stream, UNIMPLEMENTED, `unknown method ${path}`);
    }
  }

  // --- HandleConnection -----------------------------------------------------------------------------------

  private handleConnection(stream: ServerHttp2Stream): void {
    this.totalConnections += 1;
    this.connections += 1;
    this.peakConnections = Math.max(this.peakConnections, this.connections);
    stream.once('close', () => (this.connections -= 1));
    if (this.faults.ignoresConnections) {
      stream.resume();
      return;
    }
    let socket: Socket | null = null;
    const splitter = new MessageSplitter((message) => {
      if (stream.destroyed) return;
      const { interceptId, data } = decodeConnectionChunk(message);
      if (socket === null) {
        if (interceptId === null)
          fail(stream, UNKNOWN, 'HandleConnection: accept: first message must be intercept_id');
        else socket = this.dial(stream, interceptId);
      } else if (interceptId !== null) {
        fail(stream, UNKNOWN, 'HandleConnection: read: unexpected message');
      } else if (data.length > 0 && !socket.destroyed && !socket.write(data)) {
        stream.pause();
        socket.once('drain', () => stream.resume());
      }
    });
    stream.on('data', (bytes: Buffer) => splitter.push(bytes));
    stream.on('end', () => {
      if (socket === null) fail(stream, UNKNOWN, 'HandleConnection: accept: EOF');
      // Half-closed, which is not passed on; old versions end once the ingress has closed.
      else if (this.behaviour.endsHalfClosed && socket.readableEnded) fail(stream, 0, '');
      else if (this.behaviour.endsHalfClosed) socket.once('end', () => fail(stream, 0, ''));
    });
  }

  private dial(stream: ServerHttp2Stream, interceptId: string): Socket | null {
    const intercept = this.table.get(interceptId);
    if (intercept === undefined) {
      fail(stream, UNKNOWN, `HandleConnection: dial: no such intercept: ${interceptId}`);
      return null;
    }
    if (intercept.previewSpec === null) {
      this.owner.crash(`HandleConnection of ${interceptId}, which has no preview`);
      return null;
    }
    const { ingress } = intercept.previewSpec;
    const maxBytes = this.behaviour.coalescedBytes === null ? COPY_BYTES : COALESCED_COPY_BYTES;
    const socket = dialIngress(ingress, shared.subarray(0, maxBytes), (bytes) => send(bytes));
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    let isConnected = false;
    socket.once(ingress.useTls ? 'secureConnect' : 'connect', () => (isConnected = true));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (!isConnected) fail(stream, UNKNOWN, `HandleConnection: dial: ${goText(error, ingress)}`);
    });
    // After a cancellation the socket stays until the ingress closes it: what it sends is discarded.
    stream.once('close', () => socket.resume());
    const send = (bytes: Buffer): void => {
      if (stream.destroyed) return;
      if (!stream.headersSent) respond(stream);
      if (stream.write(encodeData(bytes))) return;
      socket.pause();
      stream.once('drain', () => socket.resume());
    };
    // The end of the ingress is not reported to the cloud.
    return socket;
  }

  // --- Manager --------------------------------------------------------------------------------------------

  private watchIntercepts(stream: ServerHttp2Stream): void {
    onRequest(stream, (message) => {
      const { sessionId } = decodeMessage('SessionInfo', message);
      if (sessionId !== '') {
        fail(stream, NOT_FOUND, `session ${String(sessionId)} not found`);
        return;
      }
      respond(stream);
      let isPending = false;
      const send = (): void => {
        if (isPending) return;
        isPending = true;
        void this.table.unlocked().then(() => {
          isPending = false;
          if (!stream.destroyed) {
            stream.write(framed(encodeMessage('InterceptInfoSnapshot', this.table.snapshot())));
          }
        });
      };
      const unwatch = this.table.watch(send);
      stream.once('close', unwatch);
      send();
    });
  }

  private updateIntercept(stream: ServerHttp2Stream): void {
    onRequest(stream, (message) => {
      const request = decodeMessage('UpdateInterceptRequest', message) as UpdateRequest;
      void this.update(stream, request).catch((error: unknown) => fail(stream, UNKNOWN, String(error)));
    });
  }

  private async update(stream: ServerHttp2Stream, request: UpdateRequest): Promise<void> {
    await this.table.unlocked();
    const intercept = request.session?.sessionId ? undefined : this.table.get(request.name);
    if (intercept === undefined) {
      fail(stream, NOT_FOUND, `Intercept named "${request.name}" not found`);
      return;
    }
    if (request.removePreviewDomain && this.behaviour.removal === 'dies') {
      this.owner.crash(
        'UpdateIntercept(remove_preview_domain): invalid memory address or nil pointer dereference',
      );
      return;
    }
    if (request.removePreviewDomain && this.behaviour.removal === 'refuses') {
      fail(stream, FAILED_PRECONDITION, 'access to Ambassador Cloud is not configured');
      return;
    }
    if (request.removePreviewDomain && intercept.previewDomain !== '') {
      const { previewDomain } = intercept;
      intercept.previewDomain = '';
      this.table.changed();
      // A failure is only logged.
      await this.owner.removeDomain(previewDomain).catch(() => undefined);
    }
    answer(stream, encodeMessage('InterceptInfo', infoOf(intercept)));
  }
}

interface UpdateRequest extends Readonly<Record<string, unknown>> {
  readonly session?: { readonly sessionId: string };
  readonly name: string;
  readonly removePreviewDomain: boolean;
}

/** @param onBytes receives views of `buffer`, or of reads no longer than it if TLS is used */
function dialIngress(
  { host, port, useTls, l5host }: DoubleIngress,
  buffer: Buffer,
  onBytes: (bytes: Buffer) => void,
): Socket {
  if (!useTls) {
    const callback = (count: number, read: Uint8Array): boolean => {
      onBytes(Buffer.from(read.buffer, read.byteOffset, count));
      return true;
    };
    return connect({ host, port, noDelay: true, onread: { buffer, callback } });
  }
  const servername = l5host !== undefined && !/^[\d.:]+$/.test(l5host) ? l5host : undefined;
  const socket = connectTls({ host, port, rejectUnauthorized: false, ...(servername && { servername }) });
  // At most one record of 16 KiB.
  return socket.on('data', onBytes);
}

/** Returns the error as Go would spell it. */
function goText(error: NodeJS.ErrnoException, { host, port }: DoubleIngress): string {
  const address = `dial tcp ${host}:${port}`;
  switch (error.code) {
    case 'ECONNREFUSED':
      return `${address}: connect: connection refused`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `dial tcp: lookup ${host} on 10.96.0.10:53: no such host`;
    case 'EHOSTUNREACH':
      return `${address}: connect: no route to host`;
    case 'ETIMEDOUT':
      return `${address}: i/o timeout`;
    default:
      return `tls: first record does not look like a TLS handshake (${error.message})`;
  }
}

function decodeConnectionChunk(message: Buffer): { interceptId: string | null; data: Buffer } {
  // The only message on the path of every byte: data is not copied.
  if (message.length === 0) return { interceptId: null, data: message };
  let at = 1;
  let length = 0;
  for (let scale = 1; ; scale *= 128) {
    const octet = message[at++];
    length += (octet & 0x7f) * scale;
    if (octet < 0x80) break;
  }
  const value = message.subarray(at, at + length);
  if (message[0] === 0x0a) return { interceptId: value.toString(), data: Buffer.alloc(0) };
  return { interceptId: null, data: message[0] === 0x12 ? value : Buffer.alloc(0) };
}

/** Returns the data's gRPC message, in memory of its own. */
function encodeData(data: Buffer): Buffer {
  const varintBytes = data.length < 0x80 ? 1 : data.length < 0x4000 ? 2 : 3;
  const message = Buffer.allocUnsafeSlow(6 + varintBytes + data.length);
  message[0] = 0;
  message.writeUInt32BE(1 + varintBytes + data.length, 1);
  message[5] = 0x12;
  let at = 6;
  let rest = data.length;
  for (; rest >= 0x80; rest >>>= 7) message[at++] = (rest & 0x7f) | 0x80;
  message[at++] = rest;
  message.set(data, at);
  return message;
}

function onRequest(stream: ServerHttp2Stream, handle: (message: Buffer) => void): void {
  const splitter = new MessageSplitter(handle);
  stream.on('data', (bytes: Buffer) => splitter.push(bytes));
}

function respond(stream: ServerHttp2Stream): void {
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
}

/** Ends the call with one message. */
function answer(stream: ServerHttp2Stream, message: Buffer): void {
  respond(stream);
  stream.write(framed(message));
  fail(stream, 0, '');
}

/** Ends the call with `status`; 0 is success. */
function fail(stream: ServerHttp2Stream, status: number, message: string): void {
  if (stream.destroyed || stream.closed) return;
  const trailers = { 'grpc-status': String(status), 'grpc-message': encodeURI(message) };
  if (stream.headersSent) {
    // In the event itself: a moment later the cloud may have canceled the call, and the stream be gone.
    stream.once('wantTrailers', () => {
      if (!stream.destroyed) stream.sendTrailers(trailers);
    });
    stream.end();
  } else {
    stream.respond({ ':status': 200, 'content-type': 'application/grpc', ...trailers }, { endStream: true });
  }
}
