/** Runs in front of an application's ports and routes intercepted requests to their clients (docs/cluster.md). */
import type { Server } from 'node:http';
import { checkRules, RuleError } from '@culvert/intercepts';
import { AgentLink, type LookedFor } from '@culvert/meeting-point';
import { type Metrics, metricsPages } from '@culvert/metrics';
import { RELAY_ERROR_CODES, RelayMeasures } from '@culvert/relay';
import { startProgramPorts } from '@culvert/runtime';
import { goAwayName, type Stream, type StreamHandler } from '@culvert/tunnel';
import type { Logger } from 'pino';
import type { TrafficAgentOptions } from './options.js';
import { PortFront } from './port-front.js';
import { VERSION } from './version.js';

/** A running traffic agent. */
export interface TrafficAgent {
  /** Ports that it listens on, in the order of the options. */
  readonly ports: readonly number[];
  /** The intercepts that it looks for now. */
  readonly intercepts: readonly LookedFor[];
  readonly isConnected: boolean;
  /** Finishes requests in progress within the drain time, then ends. */
  stop(): Promise<void>;
}

/** Resolves once every port listens, whether the traffic manager is reachable or not. Rejects if a port is taken. */
export async function startTrafficAgent(options: TrafficAgentOptions, log: Logger): Promise<TrafficAgent> {
  const agent = new Agent(options, log);
  await agent.listen();
  return agent;
}

/** Interval between checks for patterns that exceeded their step limit. */
const COMPLAINT_MS = 60_000;

class Agent implements TrafficAgent {
  intercepts: readonly LookedFor[] = [];
  private readonly fronts: readonly PortFront[];
  private link: AgentLink | null = null;
  private admin: readonly Server[] = [];
  private readonly measures = new RelayMeasures();
  private stopped: Promise<void> | null = null;
  private complainer: NodeJS.Timeout | null = null;

  constructor(
    private readonly options: TrafficAgentOptions,
    private readonly log: Logger,
  ) {
    const { applicationHost } = options;
    const link = {
      openStream: (id: string, port: number, handler: StreamHandler): Stream | null =>
        this.link?.openStream(id, port, handler) ?? null,
      get origin(): object | null {
        return origin();
      },
    };
    const origin = (): object | null => this.link?.origin ?? null;
    this.fronts = options.ports.map(
      (port) => new PortFront({ ...port, applicationHost, link, log, measures: this.measures }),
    );
  }

  get ports(): readonly number[] {
    return this.fronts.map(({ port }) => port);
  }

  get isConnected(): boolean {
    return this.link?.isConnected ?? false;
  }

  async listen(): Promise<void> {
    await Promise.all(this.fronts.map((front) => front.listen()));
    this.link = this.dial();
    // It serves the application with or without a traffic manager.
    const isReady = (): boolean => this.stopped === null;
    this.admin = startProgramPorts(
      this.options,
      { isReady, metrics: metricsPages({ program: 'traffic-agent', version: VERSION }, this.register) },
      (error, variable) => this.log.error({ err: error, variable }, 'health or metrics are not available'),
    );
    this.complainer = setInterval(() => this.complain(), COMPLAINT_MS);
    this.complainer.unref();
    this.log.info({ ports: this.ports }, 'listening');
  }

  stop(): Promise<void> {
    this.stopped ??= this.shutDown();
    return this.stopped;
  }

  private readonly register = (metrics: Metrics): void => {
    const sum = (read: (front: PortFront) => number): number =>
      this.fronts.reduce((total, front) => total + read(front), 0);
    metrics.value('culvert_agent_connected', () => Number(this.isConnected));
    metrics.value('culvert_agent_intercepts', () => this.intercepts.length);
    metrics.value('culvert_agent_connections', () => sum((front) => front.connectionCount));
    metrics.value('culvert_agent_intercepted_total', () => sum((front) => front.intercepted));
    metrics.value('culvert_agent_patterns_exhausted_total', () => sum((front) => front.exhausted));
    metrics.histogram('culvert_agent_request_duration_seconds', this.measures.duration);
    metrics.samples('culvert_agent_failures_total', () =>
      RELAY_ERROR_CODES.map((code) => [[code], sum((front) => front.failuresOf(code))] as const),
    );
  };

  private async shutDown(): Promise<void> {
    const { drainMs } = this.options;
    this.log.info({ drainMs }, 'finishing the requests in progress');
    if (this.complainer !== null) clearInterval(this.complainer);
    await Promise.all(this.fronts.map((front) => front.stop(drainMs)));
    await this.link?.stop(0);
    for (const server of this.admin) {
      server.close();
      server.closeAllConnections();
    }
  }

  private dial(): AgentLink {
    const { workload, namespace, kind, pod, managerUrl, managerCa, credential, ports } = this.options;
    const { log } = this;
    const manager = managerUrl.origin;
    return new AgentLink({
      url: managerUrl,
      ca: managerCa,
      credential,
      id: `${namespace}/${pod}`.slice(0, 128),
      name: pod.slice(0, 128),
      version: VERSION,
      announcement: {
        workload,
        namespace,
        kind,
        pod,
        ports: ports
          .map(({ name, protocol }, i) => ({ port: this.ports[i], name, protocol }))
          .filter(({ protocol }) => protocol === 'http')
          .map(({ port, name }) => ({ port, name })),
      },
      onIntercepts: (intercepts) => this.apply(intercepts),
      events: {
        onConnected: () => log.info({ manager }, 'connected to the traffic manager'),
        onDisconnected: ({ code, reason }) =>
          log.info({ manager, code: goAwayName(code), reason }, 'disconnected from the traffic manager'),
        onRefused: (status, reason) =>
          status === 401 || status === 403
            ? log.error({ manager, status }, 'the traffic manager does not accept the credential')
            : log.warn({ manager, status, reason }, 'the traffic manager cannot be reached'),
        onCredentialError: (error) => log.error({ err: error }, 'the credential cannot be read'),
        onFault: (error) => log.error({ err: error }, 'tunnel fault'),
      },
    });
  }

  /** Returns the intercepts that it cannot look for, and why. */
  private apply(intercepts: readonly LookedFor[]): { id: string; message: string }[] {
    const errors: { id: string; message: string }[] = [];
    const possible = intercepts.filter((intercept) => {
      const message = problemOf(intercept);
      if (message !== null) errors.push({ id: intercept.id, message });
      return message === null;
    });
    for (const front of this.fronts) front.setIntercepts(possible);
    this.intercepts = possible;
    this.log.info({ intercepts: possible.map(({ id }) => id), errors }, 'looking for intercepted requests');
    return errors;
  }

  private complain(): void {
    const requests = this.fronts.reduce((sum, { exhausted }) => sum + exhausted, 0);
    if (requests > 0)
      this.log.warn({ requests }, 'patterns of intercepts exceeded their step limit and did not match');
  }
}

/** A traffic manager of another version may accept rules that this agent does not. */
function problemOf({ headers }: LookedFor): string | null {
  try {
    checkRules(headers);
    return null;
  } catch (error) {
    if (error instanceof RuleError) return error.message;
    throw error;
  }
}
