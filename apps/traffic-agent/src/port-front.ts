/**
 * One port of the application, with the agent in front: each request that belongs to an intercept goes to its client, all
 * others to the application. The relay does the work; this file chooses the destination.
 */
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { RequestHead } from '@culvert/http1';
import { InterceptTable } from '@culvert/intercepts';
import type { AgentLink, LookedFor } from '@culvert/meeting-point';
import { ConfigurationError } from '@culvert/runtime';
import {
  DEFAULT_POOL_LIMITS,
  type Dialer,
  Http2Dialer,
  MEMORY_LIMITS,
  OPEN_GATE,
  Relay,
  type RelayError,
  type RelayErrorCode,
  type RelayMeasures,
  Route,
  SocketDialer,
  type StreamPool,
  StreamPools,
} from '@culvert/relay';
import type { Logger } from 'pino';
import { spokenIn } from './first-bytes.js';
import { InterceptDialer } from './intercept-dialer.js';
import type { AgentPortOptions } from './options.js';
import { passThrough } from './pass-through.js';

/** A request that cannot be repeated gets a new stream: a kept one may have died unnoticed. */
const INTERCEPT_POOL_LIMITS = { ...DEFAULT_POOL_LIMITS, maxIdleUnrepeatableMs: -1 };

/** Connections waiting to be accepted: the backlog of a busy application. */
const BACKLOG = 4096;

export interface PortFrontOptions extends AgentPortOptions {
  readonly applicationHost: string;
  readonly link: Pick<AgentLink, 'openStream' | 'origin'>;
  readonly log: Logger;
  /** What all ports of the agent count into. */
  readonly measures: RelayMeasures;
}

/** The routes of one HTTP version. */
interface Version {
  readonly relay: Relay;
  readonly application: Route;
  readonly intercepts: Map<string, Route>;
}

export class PortFront {
  private readonly server: Server;
  private table = new InterceptTable([]);
  private readonly pools = new StreamPools();
  private readonly http1: Version;
  /** Created with the first connection that needs it. */
  private h2c: Version | null = null;
  private readonly passed = new Set<Socket>();
  private listeningPort = 0;
  /** Requests that matched an intercept. */
  intercepted = 0;

  constructor(private readonly options: PortFrontOptions) {
    this.http1 = this.buildVersion((dialer) => dialer);
    const isHttp = options.protocol === 'http';
    this.server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      if (isHttp) this.http1.relay.accept(socket, { isSecure: false });
      else this.pass(socket);
    });
  }

  /** Port that it listens on. */
  get port(): number {
    return this.listeningPort;
  }

  /** @throws ConfigurationError if the port is taken */
  async listen(): Promise<void> {
    const { port } = this.options;
    this.server.listen({ port, backlog: BACKLOG });
    try {
      await once(this.server, 'listening');
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw cause;
      throw new ConfigurationError(`CULVERT_AGENT_PORTS: ${port} is in use by another program of this pod`, {
        cause,
      });
    }
    this.listeningPort = (this.server.address() as AddressInfo).port;
  }

  /** Throws RuleError if the rules of an intercept cannot be matched. */
  setIntercepts(all: readonly LookedFor[]): void {
    const entries = all.filter(({ port }) => port === 0 || port === this.port);
    this.table = new InterceptTable(entries);
    const ids = new Set(entries.map(({ id }) => id));
    for (const version of [this.http1, this.h2c]) {
      for (const [id, route] of version?.intercepts ?? []) {
        if (ids.has(id)) continue;
        version!.intercepts.delete(id);
        // Requests in progress continue.
        route.pool.close();
      }
    }
  }

  /** Open connections, those that pass unchanged included. */
  get connectionCount(): number {
    return this.http1.relay.connectionCount + (this.h2c?.relay.connectionCount ?? 0) + this.passed.size;
  }

  /** Returns how many requests the agent answered with this error. */
  failuresOf(code: RelayErrorCode): number {
    const of = (version: Version | null): number => version?.relay.counters.failures[code] ?? 0;
    return of(this.http1) + of(this.h2c);
  }

  /** Requests whose patterns exceeded their step limit. */
  get exhausted(): number {
    return this.table.exhausted;
  }

  async stop(graceMs: number): Promise<void> {
    this.server.close();
    await Promise.all([this.http1.relay.drain(graceMs), this.h2c?.relay.drain(graceMs)]);
    this.close();
  }

  close(): void {
    this.server.close();
    for (const socket of this.passed) socket.destroy();
    for (const version of [this.http1, this.h2c]) {
      version?.relay.close();
      version?.application.pool.close();
      for (const { pool } of version?.intercepts.values() ?? []) pool.close();
    }
  }

  private readonly onFault = (error: unknown): void => this.options.log.error({ err: error }, 'relay fault');

  /** @param speak turns streams of bytes into streams of requests of this version */
  private buildVersion(speak: (dialer: Dialer) => Dialer): Version {
    const { applicationHost: host, applicationPort: port } = this.options;
    const application = new SocketDialer(() => connect({ host, port, allowHalfOpen: true, noDelay: true }));
    const service = `${host}:${port}`;
    const intercepts = new Map<string, Route>();
    const applicationRoute = Route.forService(service, this.pools.open(speak(application)));
    const findRoute = (request: RequestHead): Route => {
      const id = this.table.find(request);
      if (id === null) return applicationRoute;
      this.intercepted++;
      let route = intercepts.get(id);
      if (route === undefined) {
        route = Route.forService(`intercept ${id}`, this.interceptPool(id, application, speak));
        intercepts.set(id, route);
      }
      return route;
    };
    const receiveSocket = (socket: Socket): void => this.receiveHandedOff(socket);
    const relay = new Relay({
      routes: { find: (_hostname, request) => findRoute(request) },
      gate: OPEN_GATE,
      limits: MEMORY_LIMITS,
      pools: this.pools,
      measures: this.options.measures,
      handOff: { ofBytes: (bytes) => (spokenIn(bytes) === 'http1' ? null : receiveSocket) },
      onFault: this.onFault,
      onEnd: ({ record: { failure } }) => {
        if (failure !== null) this.logFailure(failure);
      },
      onRefusal: (failure) => this.logFailure(failure),
    });
    return { relay, application: applicationRoute, intercepts };
  }

  private logFailure({ code, message, reference }: RelayError): void {
    this.options.log.debug({ code, reason: message, reference }, 'request failed');
  }

  private interceptPool(
    interceptId: string,
    application: Dialer,
    speak: (dialer: Dialer) => Dialer,
  ): StreamPool {
    const { link, log } = this.options;
    const dialer = new InterceptDialer({
      link,
      application,
      interceptId,
      port: this.port,
      onFallBack: (code) =>
        log.debug(
          { interceptId, code },
          'the intercepting client is away, so the application gets the request',
        ),
    });
    return this.pools.open(speak(dialer), INTERCEPT_POOL_LIMITS);
  }

  /** A connection that does not speak HTTP/1: its first bytes wait in the socket. */
  private receiveHandedOff(socket: Socket): void {
    const first = socket.read() as Buffer | null;
    if (first !== null) socket.unshift(first);
    if (first !== null && spokenIn(first) === 'h2c') {
      this.h2c ??= this.buildVersion(
        (dialer) => new Http2Dialer(dialer, { scheme: 'http', onFault: this.onFault }),
      );
      this.h2c.relay.accept(socket, { isSecure: false, protocol: 'h2' });
      socket.resume();
    } else {
      this.pass(socket);
    }
  }

  private pass(socket: Socket): void {
    this.passed.add(socket);
    socket.once('close', () => this.passed.delete(socket));
    const { applicationHost: host, applicationPort: port } = this.options;
    passThrough(socket, { host, port });
  }
}
