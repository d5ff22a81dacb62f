/** Keeps one tunnel to an acceptor open: dials, backs off, and replaces a tunnel that is about to leave. */
import type { Agent } from 'node:http';
import {
  dialTunnel,
  dialWebSocket,
  GoAwayCode,
  goAwayName,
  retryAfter,
  type Carrier,
  type Hello,
  type IncomingStream,
  type Retry,
  type StreamTarget,
  type TunnelConnection,
  type TunnelSettings,
  type Welcome,
} from '@culvert/tunnel';
import { Backoff } from './backoff.js';
import { proxyAgent } from './proxy.js';

/**
 * Refusals after which a tunnel to a machine that the process has already is better than none: the address may lead to that
 * machine alone. With the patient back-off they take up to seven seconds.
 */
const MAX_SPREAD_REFUSALS = 3;

/** A tunnel that lasted this long ends the back-off. */
const STABLE_MS = 5000;

/** How a tunnel ended, or why it no longer takes streams. */
export interface TunnelEnd {
  readonly code: GoAwayCode;
  readonly reason: string;
  /** Whether one of the two ends is at fault. */
  readonly wasError: boolean;
}

export interface KeptTunnelOptions {
  /** `http:` or `https:` address of the acceptor. */
  readonly url: URL;
  /** Path at which it accepts tunnels. Default: that of an edge. */
  readonly path?: string;
  /** PEM certificates to trust instead of the built-in ones, or a function that reads them anew before every attempt. */
  readonly ca?: string | (() => Promise<string>) | undefined;
  /** Whether to use the proxy that the environment names. Default: no proxy, as within a cluster. */
  readonly usesProxy?: boolean;
  /** Longest attempt to connect, TLS included. */
  readonly connectTimeoutMs: number;
  readonly hello: Hello;
  readonly settings?: Partial<TunnelSettings>;
  /** The bearer credential, read anew before every attempt. */
  readonly credential: () => Promise<string>;

  /** A tunnel is open and takes new streams; an older one may still finish its own. */
  readonly onOpen: (tunnel: TunnelConnection, welcome: Welcome) => void;
  /** The acceptor opened a stream. Without this method such streams are refused. */
  readonly onStream?: (stream: IncomingStream, target: StreamTarget, tunnel: TunnelConnection) => void;
  /** The acceptor sent GOAWAY. Open streams continue. */
  readonly onGoAway?: (tunnel: TunnelConnection, end: TunnelEnd) => void;
  readonly onClose: (tunnel: TunnelConnection, end: TunnelEnd) => void;
  /**
   * The upgrade was refused with `status`, or null without a response. Another attempt follows once the returned promise has
   * settled: soon after a 401 if `credential` returns a different one by then.
   */
  readonly onRefused: (status: number | null, reason: string) => void | Promise<void>;
  /** The credential, the trusted certificates or the name of the proxy cannot be read. Another attempt follows. */
  readonly onCredentialError: (error: unknown) => void;
  /** Another process with this manager id has taken over. Another attempt follows. */
  readonly onSuperseded?: () => void;
  /** The next attempt is due in so many milliseconds. */
  readonly onRetry?: (delayMs: number) => void;
  /** No tunnel is possible: both ends have no version in common. `close` has been called. */
  readonly onGiveUp: (reason: string) => void;
  /** A handler threw. */
  readonly onFault: (error: unknown) => void;
}

/** Facts about the other kept tunnels of the process, which a kept tunnel uses. */
export interface LegHost {
  /** Ids of the edges to which the process has open tunnels. */
  edges(): readonly string[];
  /** Ids of the machines of those edges, as far as they are known. */
  machines(): readonly string[];
  /** Reports whether a leg ends the process when its edge has another version. If not, the leg dials patiently. */
  mayGiveUp(): boolean;
  /** Reports whether `leg` may dial now. If not, the host calls `dialNow` later. */
  mayDial(leg: KeptTunnel): boolean;
  /** An attempt of `leg` has ended. It has a `current` tunnel if the attempt succeeded. */
  handleAttempt(leg: KeptTunnel): void;
  /** `leg` has lost its tunnel, or was asked to leave, and dials again as `retry` says. */
  handleLoss(leg: KeptTunnel, retry: Retry): void;
}

/** The host of a tunnel that is the only one of its process. */
const ALONE: LegHost = {
  edges: () => [],
  machines: () => [],
  mayGiveUp: () => true,
  mayDial: () => true,
  handleAttempt: () => {},
  handleLoss: () => {},
};

export class KeptTunnel {
  /** The tunnel that takes new streams, or null while there is none. */
  private open: TunnelConnection | null = null;
  /** The next tunnel, in its handshake. */
  private candidate: TunnelConnection | null = null;
  private isDialing = false;
  /** Whether the next attempt waits although nothing is wrong. */
  private isPatient = false;
  private openEdgeId: string | null = null;
  private openMachineId: string | null = null;
  /** Edges that refused the next tunnel because the process has one to them, or to their machine. */
  private spreadRefusals = 0;
  /** Every tunnel that has not closed, those that finish their streams included. */
  private readonly tunnels = new Set<TunnelConnection>();
  private openedAt = 0;
  private isStopping = false;
  private readonly backoff = new Backoff();
  private readonly dialAborter = new AbortController();
  private retryTimer: NodeJS.Timeout | null = null;
  /** The credential of the last attempt. */
  private shown: string | null = null;
  private tellTunnelClosed: (() => void) | null = null;

  /** Starts dialing at once. */
  constructor(
    private readonly options: KeptTunnelOptions,
    private readonly host: LegHost = ALONE,
  ) {
    void this.dial();
  }

  get current(): TunnelConnection | null {
    return this.open;
  }

  /** The edge of the current tunnel; null without a tunnel, and if the edge did not send its id. */
  get edgeId(): string | null {
    return this.open === null ? null : this.openEdgeId;
  }

  /** The machine of the edge of the current tunnel; null without a tunnel, and if the edge did not send it. */
  get machineId(): string | null {
    return this.open === null ? null : this.openMachineId;
  }

  /** Tunnels that have not closed. */
  get count(): number {
    return this.tunnels.size;
  }

  /** Lets open streams finish within `graceMs`. Resolves when no tunnel is left. */
  async stop(reason: string, graceMs: number): Promise<void> {
    this.abandon();
    for (const tunnel of this.tunnels) tunnel.goAway(GoAwayCode.NORMAL, reason, { graceMs });
    while (this.tunnels.size > 0) await this.nextTunnelClosed();
  }

  /** Ends every tunnel at once and stops dialing. */
  close(reason: string): void {
    this.abandon();
    for (const tunnel of this.tunnels) tunnel.close(GoAwayCode.NORMAL, reason);
  }

  /** Ends a wait, and dials at once. Does nothing while it has a tunnel, or is about to have one. */
  dialNow(): void {
    if (this.isStopping || this.isDialing || this.open !== null || this.candidate !== null) return;
    if (this.retryTimer !== null) clearTimeout(this.retryTimer);
    void this.dial();
  }

  /** Dials at once if it waits patiently: there may be another edge to reach now. */
  wake(): void {
    if (!this.isPatient) return;
    this.backoff.resetPatience();
    this.spreadRefusals = 0;
    this.dialNow();
  }

  /** Gives the current tunnel up, because the process has a better one, and dials patiently for another. */
  putOff(reason: string): void {
    const tunnel = this.open;
    if (tunnel === null) return;
    this.open = null;
    tunnel.goAway(GoAwayCode.NORMAL, reason);
    this.retry('patiently');
  }

  private abandon(): void {
    this.isStopping = true;
    if (this.retryTimer !== null) clearTimeout(this.retryTimer);
    this.dialAborter.abort();
  }

  private async dial(): Promise<void> {
    this.retryTimer = null;
    this.isPatient = false;
    if (!this.host.mayDial(this)) return;
    this.isDialing = true;
    const { url, path, usesProxy = false, connectTimeoutMs } = this.options;
    let { ca } = this.options;
    let apiKey: string;
    let agent: Agent | undefined;
    try {
      apiKey = await this.options.credential();
      this.shown = apiKey;
      if (typeof ca === 'function') ca = await ca();
      if (usesProxy) agent = await proxyAgent(url);
    } catch (error) {
      this.isDialing = false;
      this.host.handleAttempt(this);
      this.options.onCredentialError(error);
      this.retry('slowly');
      return;
    }
    const { signal } = this.dialAborter;
    const result = await dialWebSocket({ url, path, apiKey, ca, agent, timeoutMs: connectTimeoutMs, signal });
    this.isDialing = false;
    if (result.ok) this.openTunnel(result.carrier);
    else {
      this.host.handleAttempt(this);
      await this.handleRefusal(result.status, result.reason);
    }
  }

  private async handleRefusal(status: number | null, reason: string): Promise<void> {
    if (this.isStopping) return;
    try {
      await this.options.onRefused(status, reason);
    } catch (error) {
      this.options.onFault(error);
    }
    if (status === 401) await this.retryWithAnotherCredential();
    else this.retry(status === 403 ? 'slowly' : 'soon');
  }

  private openTunnel(carrier: Carrier): void {
    const { options } = this;
    const { onStream } = options;
    const tunnel = dialTunnel(carrier, this.hello(), {
      ...(options.settings && { settings: options.settings }),
      onOpen: (welcome) => {
        this.candidate = null;
        this.open = tunnel;
        this.openEdgeId = welcome.edgeId ?? null;
        this.openMachineId = welcome.machineId ?? null;
        this.spreadRefusals = 0;
        this.openedAt = performance.now();
        options.onOpen(tunnel, welcome);
        this.host.handleAttempt(this);
      },
      onGoAway: (code, reason) => {
        options.onGoAway?.(tunnel, { code, reason, wasError: false });
        if (this.open === tunnel) this.replace(code, reason);
      },
      ...(onStream && {
        onStream: (stream: IncomingStream, target: StreamTarget) => onStream(stream, target, tunnel),
      }),
      onClose: (code, reason, wasError) => {
        this.tunnels.delete(tunnel);
        const isCurrent = this.open === tunnel || this.candidate === tunnel;
        const wasOpen = this.open === tunnel;
        const lastedMs = wasOpen ? performance.now() - this.openedAt : 0;
        if (isCurrent) this.open = this.candidate = null;
        options.onClose(tunnel, { code, reason, wasError });
        if (isCurrent && !wasOpen) this.host.handleAttempt(this);
        if (isCurrent) this.replaceAfter(code, reason, lastedMs, wasOpen);
        this.tellTunnelClosed?.();
      },
      onFault: (error) => options.onFault(error),
    });
    this.tunnels.add(tunnel);
    this.candidate = tunnel;
    if (this.isStopping) tunnel.close(GoAwayCode.NORMAL, 'stopping');
  }

  private hello(): Hello {
    const { hello } = this.options;
    const edges = this.host.edges();
    if (edges.length === 0) return hello;
    const machines = this.spreadRefusals < MAX_SPREAD_REFUSALS ? this.host.machines() : [];
    return { ...hello, edges, machines };
  }

  /** The current tunnel no longer takes streams. Dials another one, while the current one may finish its streams. */
  private replace(code: GoAwayCode, reason: string): void {
    const lastedMs = performance.now() - this.openedAt;
    this.open = null;
    this.candidate = null;
    this.replaceAfter(code, reason, lastedMs, true);
  }

  private replaceAfter(code: GoAwayCode, reason: string, lastedMs: number, wasOpen: boolean): void {
    if (this.isStopping) return;
    if (lastedMs >= STABLE_MS) this.backoff.reset();
    if (code === GoAwayCode.ALREADY_CONNECTED) this.spreadRefusals++;
    const retry = retryAfter(code);
    if (wasOpen) {
      this.backoff.resetPatience();
      this.host.handleLoss(this, retry);
    }
    if (retry === 'never' && !this.host.mayGiveUp()) {
      this.retry('patiently');
      return;
    }
    if (retry === 'never') {
      this.close('giving up');
      this.options.onGiveUp(`${goAwayName(code)}: ${reason}`);
      return;
    }
    if (code === GoAwayCode.KEY_REVOKED) {
      void this.retryWithAnotherCredential();
      return;
    }
    if (code === GoAwayCode.SUPERSEDED) this.options.onSuperseded?.();
    // An acceptor that dismisses every tunnel at once would be dialed in a tight loop.
    this.retry(retry === 'now' && lastedMs < STABLE_MS ? 'soon' : retry);
  }

  private retry(retry: Exclude<Retry, 'never'>): void {
    if (this.isStopping || this.isDialing || this.retryTimer !== null) return;
    const delayMs = this.delayOf(retry);
    this.isPatient = retry === 'patiently';
    this.options.onRetry?.(delayMs);
    this.retryTimer = setTimeout(() => void this.dial(), delayMs);
  }

  private delayOf(retry: Exclude<Retry, 'never'>): number {
    switch (retry) {
      case 'now':
        return 0;
      case 'soon':
        return this.backoff.next();
      case 'slowly':
        return this.backoff.slow();
      case 'patiently':
        return this.backoff.patient();
      default:
        return retry satisfies never;
    }
  }

  /** Retries soon when the credential was replaced meanwhile. Otherwise only a person can help: retries slowly. */
  private async retryWithAnotherCredential(): Promise<void> {
    const credential = await this.options.credential().catch(() => this.shown);
    this.retry(credential === this.shown ? 'slowly' : 'soon');
  }

  private nextTunnelClosed(): Promise<void> {
    return new Promise((resolve) => {
      this.tellTunnelClosed = resolve;
    });
  }
}
