/**
 * Runs one edge on several cores: starts the workers, which share the public port, replaces those that die, and answers
 * probes and scrapes for all of them. It handles no visitor itself.
 */
import cluster, { type Worker } from 'node:cluster';
import { Backoff } from '@culvert/outbound';
import { type Settings, StartError, stopOnSignal } from '@culvert/runtime';
import type { Logger } from 'pino';
import { AggregatorRegistry } from 'prom-client';
import { Metrics } from '@culvert/metrics';
import { type AdminServer, openAdminPorts } from '@culvert/nest';
import type { Order, PlaceCounts, Report } from './messages.js';
import { SharedPlaces } from './shared-places.js';
import { WORKER_VARIABLE } from './worker-number.js';

/** Kubernetes gives a probe one second by default, and a worker asks its own dependencies for half a second. */
const READINESS_TIMEOUT_MS = 700;
const METRICS_TIMEOUT_MS = 5000;
/** Workers end by themselves before twice this is over. */
const EXTRA_STOP_MS = 5000;
/** A statement in a transaction must not keep all others waiting. */
const MIN_POOL_SIZE = 2;
/** A worker that served for this long ends the back-off. */
const STABLE_MS = 10_000;

interface HeldWorker {
  readonly number: number;
  readonly process: Worker;
  /** Whether the edge ends if it cannot start: it is the first process of its number. */
  readonly isFirst: boolean;
  /** When it began to serve; null before. */
  servingSince: number | null;
}

type Answer<Kind extends Report['kind']> = Extract<Report, { kind: Kind; id: number }>;

/** Starts the workers of an edge. Resolves when all of them serve. @throws StartError if one of them cannot */
export async function superviseWorkers(settings: Settings, log: Logger): Promise<void> {
  const supervisor = new Supervisor(settings, log);
  await supervisor.start();
}

class Supervisor {
  private readonly workers = new Map<number, HeldWorker>();
  private readonly backoffs = new Map<number, Backoff>();
  private readonly places = new SharedPlaces();
  private readonly waiting = new Map<number, (report: Report) => void>();
  private lastId = 0;
  private admin: AdminServer | null = null;
  private restarts = 0;
  private state: 'starting' | 'serving' | 'stopping' = 'starting';
  private reportEnd: (() => void) | null = null;

  constructor(
    private readonly settings: Settings,
    private readonly log: Logger,
  ) {
    // Workers accept connections themselves. With `SCHED_RR` the supervisor passes each one on, which costs both of them work,
    // and a connection on its way to a worker that dies hangs.
    cluster.schedulingPolicy = cluster.SCHED_NONE;
    cluster.on('message', (worker, report: Report) => this.handleReport(worker, report));
    // Workers that hang do not outlive the supervisor.
    process.on('exit', () => this.killWorkers());
    cluster.on('exit', (worker, code, signal) => this.handleExit(worker, code, signal));
  }

  async start(): Promise<void> {
    const { listen, links, edgeWorkers, lameDuckMs, shutdownGraceMs } = this.settings;
    stopOnSignal({
      stop: () => this.stop(),
      graceMs: lameDuckMs + shutdownGraceMs + 2 * EXTRA_STOP_MS,
      log: this.log,
    });
    if (links === null)
      this.log.info(
        "EDGE_LINK_SECRET is not set: the workers of this edge use each other's tunnels, and none of other edges",
      );
    const admin = await openAdminPorts(listen, {
      readiness: () => this.readiness(),
      metrics: () => this.metrics(),
    });
    this.admin = admin;
    const { port: adminPort, metricsPort } = admin;
    const ports = await Promise.all(
      Array.from({ length: edgeWorkers }, (_, index) => this.begin(index + 1, { isFirst: true })),
    );
    if (this.state !== 'starting') return;
    this.state = 'serving';
    this.log.info({ port: ports[0], adminPort, metricsPort, workers: edgeWorkers }, 'serving');
  }

  // --- Workers --------------------------------------------------------------------------------------------

  /** Starts a worker. Resolves with the public port once it serves. @throws StartError if it ends instead */
  private async begin(number: number, { isFirst }: { readonly isFirst: boolean }): Promise<number> {
    const process = cluster.fork({
      [WORKER_VARIABLE]: String(number),
      DATABASE_POOL_SIZE: String(this.poolSize),
      ...this.linkVariables(number),
    });
    this.workers.set(process.id, { number, process, isFirst, servingSince: null });
    return new Promise((resolve, reject) => {
      // The system has no room for another process: there is no exit.
      process.once('error', (error) => {
        this.log.error({ err: error, worker: number }, 'a worker could not be started');
        this.handleExit(process, null, null);
        reject(new StartError(`worker ${number} could not be started: ${error.message}`));
      });
      const settle = (report: Report): void => {
        if (report.kind === 'serving') resolve(report.port);
      };
      process.on('message', settle);
      process.once('exit', () => reject(new StartError(`worker ${number} ended before it served`)));
    });
  }

  /** Connections of each worker to the database: a share of what the edge may have. */
  private get poolSize(): number {
    const { databasePoolSize, edgeWorkers } = this.settings;
    return Math.max(MIN_POOL_SIZE, Math.ceil(databasePoolSize / edgeWorkers));
  }

  /** Each worker accepts links of other machines at a port of its own. Without a secret it accepts none of them. */
  private linkVariables(number: number): Record<string, string> {
    const { links } = this.settings;
    const offset = number - 1;
    if (links === null) return {};
    const { port, address } = links;
    const [, host, digits] = /^(.*):(\d+)$/.exec(address ?? '') ?? [];
    return {
      EDGE_LINK_PORT: String(port === 0 ? 0 : port + offset),
      ...(host !== undefined && { EDGE_LINK_ADDRESS: `${host}:${Number(digits) + offset}` }),
    };
  }

  private handleExit(process: Worker, code: number | null, signal: string | null): void {
    const worker = this.workers.get(process.id);
    if (worker === undefined) return;
    this.workers.delete(process.id);
    this.spread(this.places.remove(worker.number, this.numbers()));
    if (this.state === 'stopping') {
      if (this.workers.size === 0) this.reportEnd?.();
      return;
    }
    const { number, isFirst, servingSince } = worker;
    // `start` rejects.
    if (isFirst && servingSince === null) return;
    const backoff = this.backoffOf(number);
    if (servingSince !== null && performance.now() - servingSince >= STABLE_MS) backoff.reset();
    const delayMs = backoff.next();
    this.restarts++;
    this.log.error(
      { worker: number, code, signal, delayMs: Math.round(delayMs) },
      'a worker ended: starting it again',
    );
    setTimeout(() => {
      // A worker that cannot start has said why in its log, and is started again.
      if (this.state !== 'stopping') this.begin(number, { isFirst: false }).catch(() => {});
    }, delayMs);
  }

  private handleReport(process: Worker, report: Report): void {
    const worker = this.workers.get(process.id);
    if (worker === undefined) return;
    if (report.kind === 'serving') this.handleServing(worker);
    else if (report.kind === 'places')
      this.spread(this.places.update(worker.number, report.counts, this.numbers(worker.number)));
    else this.waiting.get(report.id)?.(report);
  }

  private handleServing(worker: HeldWorker): void {
    worker.servingSince = performance.now();
    this.send(worker.process, { kind: 'places', counts: this.places.allBeside(worker.number) });
    if (this.state === 'serving') this.log.info({ worker: worker.number }, 'a worker serves again');
  }

  private killWorkers(): void {
    for (const { process } of this.workers.values()) process.process.kill('SIGKILL');
  }

  private spread(counts: ReadonlyMap<number, PlaceCounts>): void {
    for (const { number, process } of this.workers.values()) {
      const ofWorker = counts.get(number);
      if (ofWorker !== undefined && ofWorker.length > 0)
        this.send(process, { kind: 'places', counts: ofWorker });
    }
  }

  private send(process: Worker, order: Order): void {
    // A worker that is about to exit gets nothing more; its exit is handled.
    if (process.isConnected()) process.send(order, () => {});
  }

  private numbers(except?: number): number[] {
    return [...this.workers.values()].map(({ number }) => number).filter((number) => number !== except);
  }

  private backoffOf(number: number): Backoff {
    let backoff = this.backoffs.get(number);
    if (backoff === undefined) this.backoffs.set(number, (backoff = new Backoff()));
    return backoff;
  }

  private async stop(): Promise<void> {
    this.state = 'stopping';
    if (this.workers.size > 0) {
      const ended = new Promise<void>((resolve) => (this.reportEnd = resolve));
      for (const { process, servingSince } of this.workers.values()) {
        // One that does not serve yet hears no orders.
        if (servingSince === null) process.kill('SIGTERM');
        else this.send(process, { kind: 'stop' });
      }
      await ended;
    }
    await this.admin?.close();
  }

  // --- Probes and scrapes ---------------------------------------------------------------------------------

  /** Ready while a worker is: the port is open, and the others are being replaced. */
  private async readiness() {
    const answers = await this.ask<'readiness'>('report-readiness', READINESS_TIMEOUT_MS);
    const reports = answers.map(({ report }) => report);
    const ready = reports.filter((report) => report.ready);
    const workers = { ready: ready.length, total: this.settings.edgeWorkers };
    const { checks } = ready[0] ?? reports[0] ?? { checks: { workers: 'no answer in time' } };
    const isReady = this.state !== 'stopping' && ready.length > 0;
    return {
      isReady,
      report: {
        ready: isReady,
        checks: this.state === 'stopping' ? { process: 'stopping' } : checks,
        workers,
      },
    };
  }

  private async metrics(): Promise<string> {
    const answers = await this.ask<'metrics'>('report-metrics', METRICS_TIMEOUT_MS);
    const all = answers.map(({ metrics }) => metrics);
    const own = Metrics.plainJson({
      culvert_workers: this.workers.size,
      culvert_worker_restarts_total: this.restarts,
    });
    return AggregatorRegistry.aggregate([...all, own]).metrics();
  }

  /** Asks all workers, and returns the answers that arrive in time. */
  private async ask<Kind extends 'readiness' | 'metrics'>(
    kind: `report-${Kind}`,
    timeoutMs: number,
  ): Promise<Answer<Kind>[]> {
    const answers: Answer<Kind>[] = [];
    await Promise.all(
      [...this.workers.values()].map(({ process }) => {
        const id = ++this.lastId;
        return new Promise<void>((resolve) => {
          const settle = (): void => {
            clearTimeout(timer);
            this.waiting.delete(id);
            process.off('exit', settle);
            resolve();
          };
          const timer = setTimeout(settle, timeoutMs);
          process.once('exit', settle);
          this.waiting.set(id, (report) => {
            answers.push(report as Answer<Kind>);
            settle();
          });
          this.send(process, { kind, id });
        });
      }),
    );
    return answers;
  }
}
