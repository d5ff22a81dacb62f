import {
  DISPOSITIONS,
  type Intercept,
  type InterceptPreviews,
  type InterceptStatus,
  type Session,
} from '@culvert/domain';
import type { ManagerClient, ShownIntercept } from '@culvert/telepresence';
import type { Logger } from 'pino';
import type { RequestedPreviews } from './requested-previews.js';

const RETRY_MS = 1000;
/**
 * Milliseconds between two comparisons with the store: a manager can report changes faster than a database should write
 * them.
 */
const PAUSE_MS = 200;
const MAX_ENTRIES = 32;
const MAX_KEY_LENGTH = 128;
const MAX_TEXT_LENGTH = 1024;
/** Excludes `__proto__`, which stores do not return. */
const KEY = /^(?!__proto__$)[\x21-\x7e]+$/;
const HOST = /^[\x21-\x7e]{1,253}$/;

export interface InterceptSyncOptions {
  readonly manager: ManagerClient;
  readonly session: Session;
  readonly managerId: string;
  readonly previews: RequestedPreviews;
  /** Milliseconds for which the manager may not report an intercept before it is removed. */
  readonly graceMs: number;
  /**
   * Called with the intercepts that have a preview, whenever the manager reports them; with none while it is not
   * watched.
   */
  readonly onShown: (interceptIds: ReadonlySet<string>) => void;
  readonly log: Logger;
}

/** Keeps the store equal to one manager's WatchIntercepts. It handles only the intercepts that are named here. */
export class InterceptSync {
  private shown: ReadonlyMap<string, ShownIntercept> | null = null;
  /** Time since which an intercept, or its preview, is missing. */
  private readonly missingSince = new Map<string, number>();
  private cancelWatch: () => void = () => {};
  private retry: NodeJS.Timeout | undefined;
  private readonly upkeep: NodeJS.Timeout;
  private isBehind = false;
  private isRunning = false;
  private isStopped = false;

  constructor(private readonly options: InterceptSyncOptions) {
    this.upkeep = setInterval(
      () => {
        if (this.missingSince.size > 0) this.schedule();
      },
      Math.max(options.graceMs / 2, 100),
    );
    this.upkeep.unref();
  }

  start(): void {
    if (this.isStopped) return;
    this.cancelWatch = this.options.manager.watchIntercepts({
      onSnapshot: (intercepts) => this.handleSnapshot(intercepts),
      onEnd: ({ status, message }) => {
        this.options.log.info({ status, message }, 'intercepts are no longer watched');
        // The last report may be outdated: an intercept of the same ID without a preview would end the new one.
        this.shown = null;
        this.options.onShown(new Set());
        this.retry = setTimeout(() => this.start(), RETRY_MS);
        this.retry.unref();
      },
    });
  }

  stop(): void {
    if (this.isStopped) return;
    this.isStopped = true;
    clearInterval(this.upkeep);
    clearTimeout(this.retry);
    this.cancelWatch();
  }

  /**
   * Asks the manager to remove a preview that a person removed. If the manager has no such preview, the intercept keeps
   * nothing to restore.
   */
  removePreview(interceptId: string, hostname: string): void {
    if (this.isStopped) return;
    if (this.shown?.get(interceptId)?.previewDomain !== hostname) {
      this.schedule();
      return;
    }
    const { manager, log } = this.options;
    manager
      .removePreview(interceptId)
      .then((failure) => {
        if (failure !== null)
          log.warn({ failure, interceptId }, 'the traffic manager did not remove the preview');
      })
      .catch((error: unknown) => log.error({ err: error }, 'a preview could not be removed'));
  }

  private handleSnapshot(intercepts: readonly ShownIntercept[]): void {
    if (this.isStopped) return;
    this.shown = new Map(intercepts.map((info) => [info.id, info]));
    const withPreview = [...this.shown.values()].filter(({ previewDomain }) => previewDomain !== '');
    this.options.onShown(new Set(withPreview.map(({ id }) => id)));
    this.schedule();
  }

  /** Runs one comparison at a time; changes meanwhile cause one more. */
  private schedule(): void {
    this.isBehind = true;
    if (!this.isRunning) void this.keepUp();
  }

  private async keepUp(): Promise<void> {
    this.isRunning = true;
    while (this.isBehind && !this.isStopped) {
      this.isBehind = false;
      const failure = await this.run().catch((error: unknown) => error);
      if (failure !== null) {
        this.options.log.error({ err: failure }, 'intercepts could not be compared');
        this.isBehind = true;
      }
      await new Promise((resolve) => setTimeout(resolve, failure === null ? PAUSE_MS : RETRY_MS).unref());
    }
    this.isRunning = false;
  }

  /** Returns the first failure, or null: a failed intercept does not stop the comparison of the others. */
  private async run(): Promise<unknown> {
    const { previews, session } = this.options;
    const stored = await previews.list(session.teamId, session.trafficManagerId);
    const ids = new Set(stored.map(({ intercept }) => intercept.id));
    for (const id of this.missingSince.keys()) if (!ids.has(id)) this.missingSince.delete(id);
    let failure: unknown = null;
    for (const entry of stored) {
      if (this.isStopped || this.shown === null) break;
      await this.compare(entry, this.shown.get(entry.intercept.id)).catch((error: unknown) => {
        failure ??= error;
      });
    }
    return failure;
  }

  private async compare(entry: InterceptPreviews, info: ShownIntercept | undefined): Promise<void> {
    const { intercept } = entry;
    if (info !== undefined) {
      await this.refresh(entry, info);
      await this.dropRemoved(intercept, info);
    }
    const isWhole = info !== undefined && (info.previewDomain !== '' || entry.previews.length === 0);
    if (isWhole) this.missingSince.delete(intercept.id);
    else if (this.isMissingForLong(entry)) await this.collect(entry, info);
  }

  /**
   * Reports whether the intercept is missing for long. The manager stores a preview only after CreateDomain was
   * answered, and can be slow.
   */
  private isMissingForLong({ intercept, previews }: InterceptPreviews): boolean {
    const now = Date.now();
    const newest = Math.max(
      intercept.createdAt.getTime(),
      // A preview that was asked for again counts as new.
      ...previews.map((each) => each.updatedAt.getTime()),
    );
    const since = Math.max(this.missingSince.get(intercept.id) ?? now, newest);
    this.missingSince.set(intercept.id, since);
    return now - since >= this.options.graceMs;
  }

  private async collect(
    { intercept, previews }: InterceptPreviews,
    info: ShownIntercept | undefined,
  ): Promise<void> {
    const { session, managerId } = this.options;
    if (info === undefined) {
      await this.options.previews.closeIntercept(session.teamId, managerId, intercept.id);
    } else {
      for (const { hostname } of previews)
        await this.options.previews.close(session.teamId, managerId, hostname);
    }
    this.missingSince.delete(intercept.id);
  }

  /** Drops a removed preview that the manager no longer shows: it cannot be restored. */
  private async dropRemoved({ id, removedPreview }: Intercept, info: ShownIntercept): Promise<void> {
    if (removedPreview === null || info.previewDomain === removedPreview.hostname) return;
    await this.options.previews.dropRemoved(this.options.session.teamId, id, removedPreview.hostname);
  }

  private async refresh({ intercept, previews }: InterceptPreviews, info: ShownIntercept): Promise<void> {
    const { previews: rules } = this.options;
    const change = changeOf(intercept, info);
    if (change !== null) await rules.followIntercept(intercept.teamId, intercept.id, change);
    const told = info.ingress;
    if (told === null || !HOST.test(told.host) || told.port < 1 || told.port > 65_535) return;
    const { host, port, useTls } = told;
    for (const preview of previews) {
      const { ingress } = preview;
      if (ingress.host === host && ingress.port === port && ingress.useTls === useTls) continue;
      await rules.followIngress(preview, { ...ingress, host, port, useTls });
    }
  }
}

/** Returns what the manager reports now, or null if the store has the same. */
function changeOf(stored: Intercept, info: ShownIntercept): InterceptStatus | null {
  const told: InterceptStatus = {
    disposition: DISPOSITIONS[info.disposition] ?? 'UNSPECIFIED',
    message: textOf(info.message),
    headers: entriesOf(info.headers),
    metadata: entriesOf(info.metadata),
  };
  const { disposition, message, headers, metadata } = stored;
  const isSame =
    told.disposition === disposition &&
    told.message === message &&
    isSameMap(told.headers, headers) &&
    isSameMap(told.metadata, metadata);
  return isSame ? null : told;
}

function textOf(text: string): string {
  return text
    .slice(0, MAX_TEXT_LENGTH)
    .replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ')
    .trim();
}

function entriesOf(entries: ReadonlyMap<string, string>): Record<string, string> {
  return Object.fromEntries(
    [...entries]
      .filter(([key]) => key.length <= MAX_KEY_LENGTH && KEY.test(key))
      .slice(0, MAX_ENTRIES)
      .map(([key, value]) => [key, textOf(value)]),
  );
}

function isSameMap(a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => a[name] === b[name]);
}
