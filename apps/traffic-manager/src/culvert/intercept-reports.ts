/**
 * Writes the cluster's intercepts to Culvert, by comparison: docs/cluster.md §5. This makes it independent of outages of
 * either side and of the order of changes.
 */
import type { InterceptInfo } from '@culvert/meeting-point';
import { Backoff } from '@culvert/outbound';
import type { Logger } from 'pino';
import { CulvertApiError, type CulvertApi, type CulvertIntercept, unlessGone } from './culvert-api.js';

/** Metadata key that marks an intercept written here; its value is the id inside the cluster. */
const CLUSTER_INTERCEPT = 'culvert/cluster-intercept';

/** Compared even without a change: a person may have deleted an intercept. */
const COMPARE_MS = 30_000;

/** Gathers changes that come together, to write them together. */
const GATHER_MS = 20;

export interface InterceptReportsOptions {
  readonly api: CulvertApi;
  readonly list: () => readonly InterceptInfo[];
  readonly setCulvertId: (id: string, culvertId: string | null) => void;
  /** How long after the start clients may resume what Culvert still has, in milliseconds. */
  readonly clientGraceMs: number;
}

export class InterceptReports {
  private readonly startedAt = performance.now();
  private readonly backoff = new Backoff();
  private sessionId: string | null = null;
  private managerId: string | null = null;
  /** The intercepts at Culvert, by their id inside the cluster; null: unknown. */
  private written: Map<string, CulvertIntercept> | null = null;
  /** Intercepts that were wanted while others may still be resumed. */
  private readonly seen = new Set<string>();
  private timer: NodeJS.Timeout | null = null;
  /** Time when the next comparison is due. */
  private dueAt = 0;
  /** After a failure, nothing is attempted before this time. */
  private restUntil = 0;
  private isWorking = false;
  private isDirty = false;
  private isStopped = false;
  private lastFailure = '';

  constructor(
    private readonly options: InterceptReportsOptions,
    private readonly log: Logger,
  ) {}

  /** Culvert's id of this traffic manager, or empty. */
  get trafficManagerId(): string {
    return this.managerId ?? '';
  }

  /** The tunnel to Culvert is open: read again what Culvert has. */
  handleConnected(sessionId: string): void {
    this.sessionId = sessionId;
    this.managerId = null;
    this.written = null;
    this.backoff.reset();
    this.restUntil = 0;
    this.schedule(0);
  }

  /** An intercept was added, removed or changed. */
  handleChange(): void {
    this.isDirty = true;
    if (!this.isWorking) this.schedule(GATHER_MS);
  }

  /** Milliseconds until the next comparison. */
  dueInMs(): number {
    return this.dueAt - performance.now();
  }

  /** Stops writing. The intercepts at Culvert stay: the next start compares. */
  stop(): void {
    this.isStopped = true;
    if (this.timer !== null) clearTimeout(this.timer);
  }

  private schedule(delayMs: number): void {
    if (this.isStopped || this.sessionId === null) return;
    if (this.timer !== null) clearTimeout(this.timer);
    this.dueAt = Math.max(performance.now() + delayMs, this.restUntil);
    this.timer = setTimeout(() => void this.work(), this.dueInMs());
    this.timer.unref();
  }

  private async work(): Promise<void> {
    if (this.isWorking) {
      this.isDirty = true;
      return;
    }
    this.isWorking = true;
    this.timer = null;
    let nextMs = COMPARE_MS;
    // A comparison that no change caused reads the list again.
    if (!this.isDirty) this.written = null;
    this.isDirty = false;
    try {
      await this.compare();
      this.backoff.reset();
      this.lastFailure = '';
    } catch (error) {
      this.written = null;
      nextMs = this.isPassing(error) ? Math.max(100, this.backoff.next()) : this.backoff.slow();
      this.restUntil = performance.now() + nextMs;
      this.complain(error);
    }
    this.isWorking = false;
    this.schedule(this.isDirty && nextMs === COMPARE_MS ? GATHER_MS : nextMs);
  }

  private async compare(): Promise<void> {
    const { api, list, setCulvertId } = this.options;
    const managerId = (this.managerId ??= await this.findManagerId());
    const written = (this.written ??= await this.readWritten(managerId));
    const wanted = new Map(list().map((intercept) => [intercept.id, intercept]));
    for (const intercept of wanted.values()) {
      const fields = fieldsOf(intercept);
      const before = written.get(intercept.id);
      let now = before;
      if (before === undefined)
        now = await api.call('createIntercept', { body: { ...fields, trafficManagerId: managerId } });
      else if (!isWritten(before, fields)) now = await this.change(managerId, before, fields);
      written.set(intercept.id, now!);
      setCulvertId(intercept.id, now!.id);
    }
    const mayDelete = performance.now() - this.startedAt > this.options.clientGraceMs;
    for (const [id, { id: culvertId }] of written) {
      if (wanted.has(id)) continue;
      // After a restart clients need time to resume: their intercepts must stay until then, and so must the names of their
      // previews.
      if (!mayDelete && !this.seen.has(id)) continue;
      await unlessGone(api.call('deleteIntercept', { interceptId: culvertId }));
      written.delete(id);
      this.seen.delete(id);
    }
    if (!mayDelete) for (const id of wanted.keys()) this.seen.add(id);
  }

  private async findManagerId(): Promise<string> {
    return (await this.options.api.call('getSession', { sessionId: this.sessionId! })).trafficManagerId;
  }

  /** It may have been deleted in Culvert meanwhile. */
  private async change(
    managerId: string,
    before: CulvertIntercept,
    fields: InterceptFields,
  ): Promise<CulvertIntercept> {
    const { api } = this.options;
    const { name: _, ...changes } = fields;
    try {
      return await api.call('updateIntercept', { interceptId: before.id, body: changes });
    } catch (error) {
      if (!(error instanceof CulvertApiError) || error.status !== 404) throw error;
      return api.call('createIntercept', { body: { ...fields, trafficManagerId: managerId } });
    }
  }

  private async readWritten(managerId: string): Promise<Map<string, CulvertIntercept>> {
    const written = new Map<string, CulvertIntercept>();
    const query = { trafficManagerId: managerId };
    for (const intercept of await this.options.api.list('listIntercepts', { query })) {
      const id = intercept.metadata[CLUSTER_INTERCEPT];
      // Lists are newest first: of two duplicates the older one has the previews.
      if (id !== undefined) written.set(id, intercept);
    }
    return written;
  }

  private isPassing(error: unknown): boolean {
    return !(error instanceof CulvertApiError) || error.isPassing;
  }

  /** Logs once for each new reason, since it may last. */
  private complain(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    if (text === this.lastFailure) return;
    this.lastFailure = text;
    const isScope = error instanceof CulvertApiError && error.status === 403;
    const advice = isScope
      ? 'the key needs the scopes sessions:read, intercepts:read and intercepts:write'
      : 'it will be retried';
    this.log.warn({ reason: text, advice }, 'cannot report intercepts to Culvert');
  }
}

type InterceptFields = ReturnType<typeof fieldsOf>;

function fieldsOf(intercept: InterceptInfo) {
  const { id, name, workload, namespace, kind, port, headers } = intercept;
  return {
    name,
    workload,
    namespace,
    workloadKind: kind,
    client: intercept.client.trim(),
    mechanism: 'http',
    targetHost: intercept.targetHost,
    targetPort: intercept.targetPort,
    servicePortIdentifier: port,
    disposition: intercept.disposition,
    message: intercept.message.trim(),
    metadata: { [CLUSTER_INTERCEPT]: id },
    headers: Object.fromEntries(
      headers.map((rule) => [rule.name, 'value' in rule ? rule.value : rule.pattern]),
    ),
  };
}

function isWritten(before: CulvertIntercept, fields: InterceptFields): boolean {
  return (
    before.disposition === fields.disposition &&
    before.message === fields.message &&
    before.client === fields.client &&
    before.targetHost === fields.targetHost &&
    before.targetPort === fields.targetPort &&
    before.servicePortIdentifier === fields.servicePortIdentifier &&
    before.metadata[CLUSTER_INTERCEPT] === fields.metadata[CLUSTER_INTERCEPT] &&
    sameEntries(before.headers, fields.headers)
  );
}

function sameEntries(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
