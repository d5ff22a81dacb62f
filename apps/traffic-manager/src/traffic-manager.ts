/**
 * Keeps tunnels to the edges open, and joins every stream that an edge opens to its ingress. With a cluster port, traffic
 * agents and clients also meet here, whether the edge is reachable or not.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { type HttpClient, KeptLegs, Splice, withUsualCertificates } from '@culvert/outbound';
import {
  GoAwayCode,
  goAwayName,
  ResetCode,
  type Hello,
  type IncomingStream,
  type StreamTarget,
  type TunnelConnection,
  type Welcome,
} from '@culvert/tunnel';
import type { Logger } from 'pino';
import { metricsPages } from '@culvert/metrics';
import { listenError, startProgramPorts } from '@culvert/runtime';
import { createCulvertApi, createHttpClient } from './culvert/culvert-api.js';
import { InterceptReports } from './culvert/intercept-reports.js';
import { IngressDialer } from './ingress.js';
import { Authenticator } from './meeting/authenticator.js';
import { MeetingPoint } from './meeting/meeting-point.js';
import { Registry } from './meeting/registry.js';
import { type ManagerFigures, ManagerMeasures } from './manager-measures.js';
import { resolveOptions } from './options.js';
import type { ResolvedOptions, TrafficManagerOptions } from './options.js';
import { VERSION } from './version.js';

/** A running traffic manager. */
export interface TrafficManager {
  /** Port where agents and clients meet, once it listens; null without one. Rejects if it is taken. */
  readonly clusterPort: Promise<number | null>;
  /** Resolves when the first tunnel is open; rejects if there will never be one. */
  readonly ready: Promise<void>;
  /** Resolves when the manager has ended: null after `stop`, else why it gave up. */
  readonly ended: Promise<string | null>;
  /** Lets open streams finish within the drain time, then ends. Never rejects. */
  stop(): Promise<void>;
}

/** Starts at once; never throws later. Throws ConfigurationError if an option is wrong. */
export function startTrafficManager(options: TrafficManagerOptions, log: Logger): TrafficManager {
  return new Manager(resolveOptions(options), log);
}

class Manager implements TrafficManager {
  readonly ready: Promise<void>;
  readonly ended: Promise<string | null>;
  private markReady!: () => void;
  private markFailed!: (error: Error) => void;
  private markEnded!: (reason: string | null) => void;

  private readonly hello: Hello;
  private readonly dialer: IngressDialer;
  /** For calls of Culvert's API. */
  private readonly http: HttpClient;
  private readonly sockets = new Set<Socket>();
  private readonly admin: readonly Server[];
  private readonly measures = new ManagerMeasures();

  private readonly kept: KeptLegs;
  /** The session of the newest tunnel; null before the first tunnel. */
  private sessionId: string | null = null;
  private readonly reports: InterceptReports | null = null;
  private readonly meetingPoint: MeetingPoint | null = null;
  readonly clusterPort: Promise<number | null>;
  private isStopping = false;

  constructor(
    private readonly options: ResolvedOptions,
    private readonly log: Logger,
  ) {
    this.ready = new Promise((resolve, reject) => {
      this.markReady = resolve;
      this.markFailed = reject;
    });
    // Callers that do not wait for readiness learn of a failure through `ended`.
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
    this.http = createHttpClient(options);
    this.dialer = new IngressDialer({ allowList: options.allowList, extraCa: options.ingressCa });
    this.admin = this.listen();
    if (options.clusterPort !== null) {
      const { registry, reports } = this.buildRegistry();
      this.reports = reports;
      this.meetingPoint = this.buildMeetingPoint(options.clusterPort, registry, reports);
    }
    this.clusterPort = this.meetingPoint?.listen() ?? Promise.resolve(null);
    this.clusterPort.catch((error: unknown) =>
      this.giveUpPort(error, 'CULVERT_CLUSTER_PORT (--cluster-port)', options.clusterPort ?? 0),
    );
    this.kept = this.keepTunnels();
  }

  async stop(): Promise<void> {
    if (this.isStopping) return void (await this.ended);
    this.isStopping = true;
    const { drainMs } = this.options;
    this.log.info({ drainMs, tunnels: this.kept.count }, 'finishing the open streams');
    const deadline = performance.now() + drainMs;
    this.reports?.stop();
    await Promise.all([
      this.kept.stop('the traffic manager is stopping', drainMs),
      this.meetingPoint?.stop(drainMs),
    ]);
    // The streams are done; their last bytes may still be on the way to an ingress.
    const rest = [...this.sockets].map((socket) => once(socket, 'close'));
    const timer = setTimeout(() => this.destroySockets(), Math.max(0, deadline - performance.now()));
    await Promise.allSettled(rest);
    clearTimeout(timer);
    this.finish(null);
  }

  private buildRegistry(): { registry: Registry; reports: InterceptReports } {
    const { clientGraceMs, url, apiKey } = this.options;
    const registry: Registry = new Registry({ clientGraceMs, onChange: () => reports.handleChange() });
    const reports = new InterceptReports(
      {
        api: createCulvertApi(url, apiKey, this.http),
        list: () => registry.list(),
        setCulvertId: (id, culvertId) => registry.setCulvertId(id, culvertId),
        clientGraceMs,
      },
      this.log,
    );
    return { registry, reports };
  }

  private buildMeetingPoint(port: number, registry: Registry, reports: InterceptReports): MeetingPoint {
    const { url, apiKey, clusterSecret, clusterTls } = this.options;
    return new MeetingPoint(
      {
        port,
        tls: clusterTls,
        registry,
        authenticator: new Authenticator({ url, apiKey, clusterSecret, http: this.http }),
        culvertUrl: url.href,
        trafficManagerId: () => reports.trafficManagerId,
      },
      this.log,
    );
  }

  private keepTunnels(): KeptLegs {
    const { url, ca, connectTimeoutMs, apiKey, tunnels } = this.options;
    const edge = url.origin;
    const edgeIds = new WeakMap<TunnelConnection, string>();
    const nameOf = (tunnel: TunnelConnection) => ({
      edgeId: edgeIds.get(tunnel),
      tunnels: this.kept.openCount,
    });
    return new KeptLegs({
      url,
      ca: withUsualCertificates(ca)?.join('\n'),
      usesProxy: true,
      connectTimeoutMs,
      hello: this.hello,
      legs: tunnels,
      credential: apiKey,
      onOpen: (tunnel, welcome) => {
        if (welcome.edgeId !== undefined) edgeIds.set(tunnel, welcome.edgeId);
        const { sessionId, resumed } = welcome;
        this.measures.handleOpen(tunnel);
        this.log.info({ edge, ...nameOf(tunnel), sessionId, resumed }, 'connected');
        this.handleConnected(welcome);
      },
      onGoAway: (tunnel, { code, reason }) => {
        const { streamCount: streams } = tunnel;
        const end = { code: goAwayName(code), reason, streams };
        this.log.info({ ...nameOf(tunnel), ...end }, 'the edge asked to go away');
      },
      onStream: (stream, target) => this.splice(stream, target),
      onClose: (tunnel, { code, reason, wasError }) => {
        this.measures.handleClose(tunnel, code);
        // While there are fewer edges than tunnels to keep, this is the usual answer.
        const level = code === GoAwayCode.ALREADY_CONNECTED ? 'debug' : wasError ? 'warn' : 'info';
        this.log[level]({ ...nameOf(tunnel), code: goAwayName(code), reason }, 'disconnected');
        if (code === GoAwayCode.MANAGER_ID_TAKEN) this.logTakenId();
      },
      onRefused: (status, reason) => {
        this.measures.handleRefusal(status);
        this.logRefusal(edge, status, reason);
      },
      onCredentialError: (error) => this.log.error({ err: error }, 'cannot read the API key'),
      onSuperseded: () =>
        this.log.warn({ managerId: this.hello.managerId }, 'another process with this manager id took over'),
      onRetry: (delayMs) => this.log.debug({ delayMs: Math.round(delayMs) }, 'dialing again'),
      onGiveUp: (reason) => this.giveUp(reason),
      onFault: (error) => this.log.error({ err: error }, 'tunnel fault'),
    });
  }

  private handleConnected({ sessionId }: Welcome): void {
    // A further tunnel of the same session changes nothing for the API.
    if (this.kept.openCount === 1 || sessionId !== this.sessionId) this.reports?.handleConnected(sessionId);
    this.sessionId = sessionId;
    this.markReady();
  }

  private logTakenId(): void {
    const { managerId, clusterId } = this.hello;
    this.log.error(
      { managerId, clusterId },
      'a traffic manager of another cluster has this manager id: set CULVERT_MANAGER_ID (in the chart: managerId)',
    );
  }

  private logRefusal(edge: string, status: number | null, reason: string): void {
    if (status === 401) {
      this.log.error({ edge }, 'the edge does not accept the API key: check CULVERT_API_KEY');
    } else if (status === 403) {
      this.log.error({ edge }, 'the API key may not open tunnels: it needs the scope "tunnel"');
    } else {
      this.log.warn({ edge, status, reason }, 'cannot reach the edge');
    }
  }

  private splice(stream: IncomingStream, target: StreamTarget): void {
    const label = `${target.host}:${target.port}`;
    const refusal = this.dialer.refusalOf(target);
    if (refusal !== null) {
      stream.reset(ResetCode.FORBIDDEN, refusal);
      return;
    }
    const beganAt = performance.now();
    let isConnected = false;
    const socket = this.dialer.dial(target, (chunk) => splice.handleIngressData(chunk));
    this.sockets.add(socket);
    socket.once('close', () => this.sockets.delete(socket));
    const splice = new Splice(stream, socket, {
      connectTimeoutMs: this.options.connectTimeoutMs,
      isTls: target.tls,
      alpn: target.alpn ?? 'http/1.1',
      label,
      onConnected: () => {
        isConnected = true;
        this.measures.observeDial(beganAt, null);
      },
      // Visitors can cause these at any rate, and the edge reports them to the visitor: log at debug only.
      onFailure: ({ code, detail }) => {
        if (!isConnected) this.measures.observeDial(beganAt, code);
        this.log.debug({ ingress: label, code, detail }, 'ingress failed');
      },
    });
  }

  private listen(): readonly Server[] {
    const metrics = metricsPages({ program: 'traffic-manager', version: VERSION }, (registry) =>
      this.measures.register(registry, () => this.figures),
    );
    const flags = { CULVERT_ADMIN_PORT: '--admin-port', METRICS_PORT: '--metrics-port' };
    return startProgramPorts(
      this.options,
      { isReady: () => this.isReady, metrics },
      (error, variable, port) => this.giveUpPort(error, `${variable} (${flags[variable]})`, port),
    );
  }

  private get figures(): ManagerFigures {
    return {
      openTunnels: this.kept.openCount,
      wantedTunnels: this.options.tunnels,
      streams: this.sockets.size,
      ...(this.meetingPoint?.figures ?? { agents: 0, clients: 0, certificateExpiry: null }),
    };
  }

  /** With a meeting point it serves the cluster even while Culvert is unreachable. */
  private get isReady(): boolean {
    return !this.isStopping && (this.meetingPoint !== null || this.kept.openCount > 0);
  }

  private destroySockets(): void {
    for (const socket of this.sockets) socket.destroy();
  }

  private giveUpPort(error: unknown, setting: string, port: number): void {
    const listening = listenError(error, setting, port);
    const { message } = listening as Error;
    this.giveUp(listening === error ? `${setting}: ${message}` : message);
  }

  private giveUp(reason: string): void {
    if (this.isStopping) return;
    this.isStopping = true;
    this.log.fatal({ reason }, 'giving up');
    this.kept?.close('the traffic manager is giving up');
    this.reports?.stop();
    this.meetingPoint?.close();
    this.destroySockets();
    this.finish(reason);
  }

  private finish(reason: string | null): void {
    this.measures.stop();
    for (const server of this.admin) {
      server.close();
      server.closeAllConnections();
    }
    this.markFailed(new Error(reason ?? 'the traffic manager was stopped'));
    this.markEnded(reason);
  }
}
