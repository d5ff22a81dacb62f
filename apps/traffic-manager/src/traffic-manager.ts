/** Keeps a tunnel to the edge open, and splices every stream that the edge opens to its ingress. */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import {
  dialTunnel,
  dialWebSocket,
  GoAwayCode,
  goAwayName,
  ResetCode,
  retryAfter,
  type Carrier,
  type Hello,
  type IncomingStream,
  type Retry,
  type StreamTarget,
  type TunnelConnection,
} from '@culvert/tunnel';
import type { Logger } from 'pino';
import { startAdmin } from './admin.js';
import { Backoff } from './backoff.js';
import { IngressDialler } from './ingress.js';
import { resolveOptions } from './options.js';
import type { ResolvedOptions, TrafficManagerOptions } from './options.js';
import { Splice } from './splice.js';
import { VERSION } from './version.js';

/** A running traffic manager. */
export interface TrafficManager {
  /** Resolves when the first tunnel is open; rejects when there never will be one. */
  readonly ready: Promise<void>;
  /** Resolves when the manager has ended: null after `stop`, else why it gave up. */
  readonly ended: Promise<string | null>;
  /** Lets open streams finish within the drain time, then ends. Never rejects. */
  stop(): Promise<void>;
}

/** Starts at once; never throws later. Throws ConfigurationError when an option is wrong. */
export function startTrafficManager(options: TrafficManagerOptions, log: Logger): TrafficManager {
  return new Manager(resolveOptions(options), log);
}

/** A tunnel that lasted this long ends the back-off. */
const STABLE_MS = 5000;

class Manager implements TrafficManager {
  readonly ready: Promise<void>;
  readonly ended: Promise<string | null>;
  private markReady!: () => void;
  private markFailed!: (error: Error) => void;
  private markEnded!: (reason: string | null) => void;

  private readonly hello: Hello;
  private readonly dialler: IngressDialler;
  private readonly backoff = new Backoff();
  private readonly sockets = new Set<Socket>();
  private readonly admin: Server | null;

  /** The tunnel that takes new streams, or null while there is none. */
  private current: TunnelConnection | null = null;
  /** The tunnel that is about to, in its handshake. */
  private candidate: TunnelConnection | null = null;
  private isDialling = false;
  /** Every tunnel that has not closed, those that finish their streams included. */
  private readonly tunnels = new Set<TunnelConnection>();
  private openedAt = 0;
  private isStopping = false;
  private readonly dialAborter = new AbortController();
  private retryTimer: NodeJS.Timeout | null = null;
  private tellTunnelClosed: (() => void) | null = null;

  constructor(
    private readonly options: ResolvedOptions,
    private readonly log: Logger,
  ) {
    this.ready = new Promise((resolve, reject) => {
      this.markReady = resolve;
      this.markFailed = reject;
    });
    // Whoever does not wait for readiness hears of a failure through `ended`.
    this.ready.catch(() => undefined);
    this.ended = new Promise((resolve) => {
      this.markEnded = resolve;
    });
    this.hello = {
      managerId: options.managerId,
      clusterId: options.clusterId,
      name: options.name,
      version: VERSION,
      instanceId: randomUUID(),
    };
    this.dialler = new IngressDialler({ allowList: options.allowList, extraCa: options.ingressCa });
    this.admin = options.adminPort === null ? null : this.listen(options.adminPort);
    void this.dial();
  }

  async stop(): Promise<void> {
    if (this.isStopping) return void (await this.ended);
    this.isStopping = true;
    this.log.info({ drainMs: this.options.drainMs, tunnels: this.tunnels.size }, 'stopping');
    if (this.retryTimer !== null) clearTimeout(this.retryTimer);
    this.dialAborter.abort();
    const deadline = performance.now() + this.options.drainMs;
    for (const tunnel of this.tunnels) {
      tunnel.goAway(GoAwayCode.NORMAL, 'the traffic manager is stopping', { graceMs: this.options.drainMs });
    }
    while (this.tunnels.size > 0) await this.nextTunnelClosed();
    // The streams are done; the last of their bytes may still be on the way to an ingress.
    const rest = [...this.sockets].map((socket) => once(socket, 'close'));
    const timer = setTimeout(() => this.destroySockets(), Math.max(0, deadline - performance.now()));
    await Promise.allSettled(rest);
    clearTimeout(timer);
    this.finish(null);
  }

  private async dial(): Promise<void> {
    this.retryTimer = null;
    this.isDialling = true;
    const apiKey = await this.readApiKey();
    if (apiKey === null) {
      this.isDialling = false;
      this.retry('slowly');
      return;
    }
    const { url, ca, connectTimeoutMs } = this.options;
    const { signal } = this.dialAborter;
    const result = await dialWebSocket({ url, apiKey, ca, timeoutMs: connectTimeoutMs, signal });
    this.isDialling = false;
    if (result.ok) this.openTunnel(result.carrier);
    else this.handleRefusal(result.status, result.reason);
  }

  private async readApiKey(): Promise<string | null> {
    try {
      return await this.options.apiKey();
    } catch (error) {
      this.log.error({ err: error }, 'the API key cannot be read');
      return null;
    }
  }

  private handleRefusal(status: number | null, reason: string): void {
    if (this.isStopping) return;
    const edge = this.options.url.origin;
    if (status === 401) {
      this.log.error({ edge }, 'the edge does not accept the API key: check CULVERT_API_KEY');
      this.retry('slowly');
    } else if (status === 403) {
      this.log.error({ edge }, 'the API key may not open tunnels: it needs the scope "tunnel"');
      this.retry('slowly');
    } else {
      this.log.warn({ edge, status, reason }, 'the edge cannot be reached');
      this.retry('soon');
    }
  }

  private openTunnel(carrier: Carrier): void {
    const tunnel = dialTunnel(carrier, this.hello, {
      onOpen: (welcome) => {
        this.candidate = null;
        this.current = tunnel;
        this.openedAt = performance.now();
        const { sessionId, resumed } = welcome;
        this.log.info({ edge: this.options.url.origin, sessionId, resumed }, 'connected');
        this.markReady();
      },
      onGoAway: (code, reason) => {
        this.log.info(
          { code: goAwayName(code), reason, streams: tunnel.streamCount },
          'the edge says go away',
        );
        if (this.current === tunnel) this.replace(code, reason);
      },
      onStream: (stream, target) => this.splice(stream, target),
      onClose: (code, reason, wasError) => {
        this.tunnels.delete(tunnel);
        this.log[wasError ? 'warn' : 'info']({ code: goAwayName(code), reason }, 'disconnected');
        if (this.current === tunnel || this.candidate === tunnel) this.replace(code, reason);
        this.tellTunnelClosed?.();
      },
      onFault: (error) => this.log.error({ err: error }, 'tunnel fault'),
    });
    this.tunnels.add(tunnel);
    this.candidate = tunnel;
    if (this.isStopping) tunnel.close(GoAwayCode.NORMAL, 'the traffic manager is stopping');
  }

  /** The current tunnel takes no more streams: get another, while it may still finish those it has. */
  private replace(code: GoAwayCode, reason: string): void {
    const lastedMs = this.current === null ? 0 : performance.now() - this.openedAt;
    this.current = null;
    this.candidate = null;
    if (this.isStopping) return;
    if (lastedMs >= STABLE_MS) this.backoff.reset();
    const retry = retryAfter(code);
    if (retry === 'never') return this.giveUp(`${goAwayName(code)}: ${reason}`);
    if (code === GoAwayCode.SUPERSEDED) {
      this.log.warn({ managerId: this.hello.managerId }, 'another process with this manager id took over');
    }
    // An edge that sends everybody away at once would be dialled in a tight loop.
    this.retry(retry === 'now' && lastedMs < STABLE_MS ? 'soon' : retry);
  }

  private retry(retry: Exclude<Retry, 'never'>): void {
    if (this.isStopping || this.isDialling || this.retryTimer !== null) return;
    const delayMs = retry === 'now' ? 0 : retry === 'soon' ? this.backoff.next() : this.backoff.slow();
    this.log.debug({ delayMs: Math.round(delayMs) }, 'dialling again');
    this.retryTimer = setTimeout(() => void this.dial(), delayMs);
  }

  private splice(stream: IncomingStream, target: StreamTarget): void {
    const label = `${target.host}:${target.port}`;
    if (!this.dialler.mayDial(target)) {
      stream.reset(ResetCode.FORBIDDEN, `${label} is not allowed by this traffic manager`);
      return;
    }
    const socket = this.dialler.dial(target, (chunk) => splice.handleIngressData(chunk));
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    const splice = new Splice(stream, socket, {
      connectTimeoutMs: this.options.connectTimeoutMs,
      isTls: target.tls,
      alpn: target.alpn ?? 'http/1.1',
      label,
      // A visitor can cause these at any rate, and the edge tells the visitor: not more than a debug line.
      onFailure: ({ code, detail }) => this.log.debug({ ingress: label, code, detail }, 'ingress failed'),
    });
  }

  private listen(port: number): Server {
    const server = startAdmin(port, () => this.current !== null && !this.isStopping);
    server.once('error', (error) => this.giveUp(`CULVERT_ADMIN_PORT (--admin-port): ${error.message}`));
    return server;
  }

  private nextTunnelClosed(): Promise<void> {
    return new Promise((resolve) => {
      this.tellTunnelClosed = resolve;
    });
  }

  private destroySockets(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private giveUp(reason: string): void {
    if (this.isStopping) return;
    this.isStopping = true;
    this.log.fatal({ reason }, 'giving up');
    if (this.retryTimer !== null) clearTimeout(this.retryTimer);
    this.dialAborter.abort();
    for (const tunnel of this.tunnels) tunnel.close(GoAwayCode.NORMAL, 'the traffic manager gives up');
    this.destroySockets();
    this.finish(reason);
  }

  private finish(reason: string | null): void {
    this.admin?.close();
    this.admin?.closeAllConnections();
    this.markFailed(new Error(reason ?? 'the traffic manager was stopped'));
    this.markEnded(reason);
    if (reason === null) this.log.info('stopped');
  }
}
