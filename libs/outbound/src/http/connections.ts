/**
 * The connections of one client. HTTP/2 sessions are those of http2-wrapper, HTTP/1.1 connections those of Node's agents; both
 * get their sockets from the dialer, which knows proxies, certificates and forbidden addresses.
 */
import { Agent as PlainAgent, type AgentOptions, type ClientRequest } from 'node:http';
import type {
  ClientHttp2Session,
  ClientHttp2Stream,
  Http2Session,
  OutgoingHttpHeaders,
  SecureClientSessionOptions,
} from 'node:http2';
import { Agent as SecureAgent, type RequestOptions } from 'node:https';
import { isIP, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import http2 from 'http2-wrapper';
import type { Dialer, HttpProtocol } from './dialer.js';
import { HttpError } from './http-error.js';
import type { CheckedRequest } from './http-message.js';
import { Places } from './places.js';

/** Milliseconds after which idle connections are closed, before load balancers and firewalls drop them silently. */
const IDLE_MS = 30_000;
/** Limit for the answer to a PING. */
const PROBE_MS = 2000;
/** Limits for one origin over HTTP/1.1. */
const MAX_CONNECTIONS = 32;
const MAX_IDLE_CONNECTIONS = 4;
/** Origins whose protocol is remembered. */
const MAX_ORIGINS = 100;

const POOL: AgentOptions = {
  keepAlive: true,
  maxSockets: MAX_CONNECTIONS,
  maxFreeSockets: MAX_IDLE_CONNECTIONS,
  timeout: IDLE_MS,
};

/** Protocols to offer, by the expected one. A server that no longer has HTTP/2 picks the other one instead of refusing TLS. */
const OFFERS = { h2: ['h2', 'http/1.1'], 'http/1.1': ['http/1.1'] } as const;

/** Errors of Node for a request on a session that the server or this client is closing. */
const SESSION_CLOSED: ReadonlySet<unknown> = new Set([
  'ERR_HTTP2_GOAWAY_SESSION',
  'ERR_HTTP2_INVALID_SESSION',
]);

/** Nothing of the request was sent, so any request can be repeated. */
export class NotSentError extends HttpError {}

/** The server no longer speaks the protocol that it spoke before. */
export class ProtocolChangedError extends NotSentError {
  constructor({ origin }: URL) {
    super('broken', `${origin} changed its HTTP version`);
  }
}

/** Added to a request over HTTP/2, for events that http2-wrapper does not report. */
export interface StreamObserver {
  /**
   * Called when the head of the request is sent.
   * @param stream knows by which code it was reset
   * @param isReused whether an earlier request on the same session has ended
   */
  readonly onStream: (stream: ClientHttp2Stream, isReused: boolean) => void;
}

type Connected = (error: Error | null, socket?: Duplex) => void;

export class Connections {
  private readonly protocols = new Map<string, HttpProtocol>();
  private readonly asking = new Map<string, Promise<HttpProtocol>>();
  /** Connections that were opened to learn the protocol of an origin, until a request uses them a moment later. */
  private readonly spare = new Map<string, TLSSocket>();
  /** Sessions on which a request has ended. */
  private readonly used = new WeakSet<Http2Session>();
  private readonly places = new Places(MAX_CONNECTIONS);
  private readonly http2: http2.Agent;
  private readonly https: SecureAgent;
  private readonly http: PlainAgent;
  private idleTimer: NodeJS.Timeout | undefined;

  constructor(private readonly dialer: Dialer) {
    const secure = async (origin: URL, protocol: HttpProtocol): Promise<TLSSocket> =>
      this.takeSpare(origin) ?? this.dialFor(origin, protocol);
    const observe = (stream: ClientHttp2Stream, observer: Partial<StreamObserver>): void =>
      this.observe(stream, observer);
    this.http2 = new (class extends http2.Agent {
      override createConnection(origin: URL): Promise<TLSSocket> {
        return secure(origin, 'h2');
      }

      override async request(
        origin: URL,
        options: SecureClientSessionOptions & Partial<StreamObserver>,
        headers: OutgoingHttpHeaders,
      ): Promise<ClientHttp2Stream> {
        let stream: ClientHttp2Stream;
        try {
          stream = await super.request(origin, options, headers);
        } catch (error) {
          throw SESSION_CLOSED.has((error as NodeJS.ErrnoException).code) ? notSent(origin, error) : error;
        }
        observe(stream, options);
        return stream;
      }
    })();
    this.http2.on('session', offerNothingOnceClosed);
    this.https = new (class extends SecureAgent {
      override createConnection(options: RequestOptions, callback: Connected): undefined {
        void answer(secure(originOf('https:', options), 'http/1.1'), callback);
      }
    })(POOL);
    this.http = new (class extends PlainAgent {
      override createConnection(options: RequestOptions, callback: Connected): undefined {
        void answer(dialer.dial(originOf('http:', options), []), callback);
      }
    })(POOL);
  }

  /**
   * Begins a request to send, over the protocol of its origin. Over HTTP/1.1 it waits until fewer than MAX_CONNECTIONS
   * requests to the origin are under way. Rejects with the dialer's error, or with the reason of `signal`.
   */
  async open(request: CheckedRequest, observer: StreamObserver, signal: AbortSignal): Promise<ClientRequest> {
    clearTimeout(this.idleTimer);
    const { origin, protocol: scheme } = request.url;
    const protocol = scheme === 'https:' ? await this.protocolOf(new URL(origin)) : 'http/1.1';
    if (protocol === 'h2') return this.start(request, protocol, observer);
    await this.places.reserve(origin);
    try {
      signal.throwIfAborted();
      const outgoing = await this.start(request, protocol, observer);
      // Node emits this after it has opened the connection, even for a request that was destroyed before.
      outgoing.once('close', () => this.places.release(origin));
      return outgoing;
    } catch (error) {
      this.places.release(origin);
      throw error;
    }
  }

  private start(
    { url, method, headers }: CheckedRequest,
    alpnProtocol: HttpProtocol,
    { onStream }: StreamObserver,
  ): Promise<ClientRequest> {
    const options: http2.AutoRequestOptions & StreamObserver = {
      protocol: url.protocol,
      // With the brackets of an IPv6 address: http2-wrapper makes a URL of it.
      hostname: url.hostname,
      port: url.port || (url.protocol === 'https:' ? 443 : 80),
      path: url.pathname + url.search,
      method,
      headers: { ...headers },
      agent: { http: this.http, https: this.https, http2: this.http2 },
      resolveProtocol: async () => ({ alpnProtocol }),
      onStream,
    };
    return http2.auto(options);
  }

  /** Called when no request is under way. Aborts connections that are being opened, and closes idle ones after a while. */
  settle(): void {
    this.dialer.stop();
    this.idleTimer = setTimeout(() => this.closeIdle(), IDLE_MS).unref();
  }

  /** Called when a request ran out of time: sessions whose server does not answer a PING are closed, so that no other request waits on them. */
  probe(): void {
    for (const session of Object.values(this.http2.sessions).flat()) {
      const end = setTimeout(() => session.destroy(), PROBE_MS).unref();
      try {
        session.ping(() => clearTimeout(end));
      } catch {
        // The session is closed already, or is being probed.
      }
    }
  }

  /** Forgets which protocol an origin speaks. */
  forget({ origin }: URL): void {
    this.protocols.delete(origin);
  }

  /** Closes everything, requests under way included. */
  close(): void {
    clearTimeout(this.idleTimer);
    this.places.stop();
    this.dialer.stop();
    this.closeIdle();
    this.http2.destroy();
    this.https.destroy();
    this.http.destroy();
  }

  private observe(stream: ClientHttp2Stream, { onStream }: Partial<StreamObserver>): void {
    const { session } = stream;
    if (session === undefined) return onStream?.(stream, false);
    // A caller can send its next request between the two. A stream that was reset has no `end`.
    for (const event of ['end', 'close']) stream.once(event, () => this.used.add(session));
    return onStream?.(stream, this.used.has(session));
  }

  private closeIdle(): void {
    this.http2.closeEmptySessions();
    for (const socket of this.spare.values()) socket.destroy();
    this.spare.clear();
  }

  private async protocolOf(origin: URL): Promise<HttpProtocol> {
    // http2-wrapper refuses the sessions of IP addresses behind a proxy, and those of IPv6 addresses everywhere.
    if (isIP(origin.hostname) !== 0 || origin.hostname.startsWith('[')) return 'http/1.1';
    const known = this.protocols.get(origin.origin);
    if (known !== undefined) return known;
    let asking = this.asking.get(origin.origin);
    if (asking === undefined) {
      asking = this.ask(origin).finally(() => this.asking.delete(origin.origin));
      this.asking.set(origin.origin, asking);
    }
    return asking;
  }

  private async ask(origin: URL): Promise<HttpProtocol> {
    const socket = (await this.dialer.dial(origin, ['h2', 'http/1.1'])) as TLSSocket;
    const protocol = protocolBy(socket);
    if (this.protocols.size >= MAX_ORIGINS) this.protocols.clear();
    this.protocols.set(origin.origin, protocol);
    this.spare.get(origin.origin)?.destroy();
    this.spare.set(origin.origin, socket);
    socket.once('close', () => {
      if (this.spare.get(origin.origin) === socket) this.spare.delete(origin.origin);
    });
    return protocol;
  }

  private takeSpare({ origin }: URL): TLSSocket | undefined {
    const socket = this.spare.get(origin);
    this.spare.delete(origin);
    return socket;
  }

  private async dialFor(origin: URL, protocol: HttpProtocol): Promise<TLSSocket> {
    const socket = (await this.dialer.dial(origin, OFFERS[protocol])) as TLSSocket;
    if (protocolBy(socket) === protocol) return socket;
    socket.destroy();
    throw new ProtocolChangedError(origin);
  }
}

/**
 * Keeps new requests off a session once its server has sent GOAWAY or this side has closed it. http2-wrapper only skips
 * destroyed sessions, and a closed session is destroyed after its last stream.
 */
function offerNothingOnceClosed(session: ClientHttp2Session): void {
  // A session that is closed from the start stays on offer: its first request fails and is repeated within limits.
  // Otherwise http2-wrapper would open one session after another.
  if (session.closed) return;
  const settings = (): ClientHttp2Session['remoteSettings'] =>
    Reflect.get(Object.getPrototypeOf(session) as object, 'remoteSettings', session);
  Object.defineProperty(session, 'remoteSettings', {
    get: () => (session.closed ? { ...settings(), maxConcurrentStreams: 0 } : settings()),
  });
}

function notSent({ origin }: URL, cause: unknown): NotSentError {
  return new NotSentError('broken', `${origin} closes the connection`, { cause });
}

function protocolBy({ alpnProtocol }: TLSSocket): HttpProtocol {
  return alpnProtocol === 'h2' ? 'h2' : 'http/1.1';
}

function originOf(protocol: string, { host, port }: RequestOptions): URL {
  return new URL(`${protocol}//${host}:${port}`);
}

async function answer(dialing: Promise<Socket>, callback: Connected): Promise<void> {
  let socket: Socket;
  try {
    socket = await dialing;
  } catch (error) {
    callback(error as Error);
    return;
  }
  callback(null, socket);
}
