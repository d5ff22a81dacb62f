import {
  Inject,
  Injectable,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { resultOf, SYSTEM, type ClaimedDelivery, type Repositories } from '@culvert/domain';
import type { EventBus } from '@culvert/events';
import { BACKGROUND_STORE, EVENT_BUS, LOG, SETTINGS } from '@culvert/nest';
import type { HttpClient } from '@culvert/outbound';
import { previewUrl, type Settings } from '@culvert/runtime';
import type { Logger } from 'pino';
import { Announcer } from '../../announcements/announcer.js';
import { AuditLog } from '../audit-events/audit-log.js';
import { attemptDelivery } from './webhook-request.js';

/** Token of the HTTP client that sends webhooks. */
export const WEBHOOK_HTTP = Symbol('WEBHOOK_HTTP');

/** Interval in which due deliveries are looked for, even without a change. */
const LOOK_MS = 2000;
/** Delay after a change, because changes come in groups. */
const SETTLE_MS = 100;
/** Interval in which expiring things are looked for, and old deliveries removed. */
const SWEEP_MS = 60_000;
/** Time for which a webhook belongs to one process: longer than an attempt and its record take. */
const LEASE_MS = 60_000;
/** Attempts of this process that are under way at once. */
const MAX_AT_ONCE = 64;
/** Attempts of one team that are under way at once. A few more are possible. */
const MAX_PER_TEAM = 4;
const PREVIEW_NOTICE_MS = 60 * 60 * 1000;
const KEY_NOTICE_MS = 3 * 24 * 60 * 60 * 1000;
/** Time for which deliveries are kept: seven days. Longer than a notice, which would be repeated otherwise. */
const KEPT_MS = 7 * 24 * 60 * 60 * 1000;
const REMOVED_AT_ONCE = 1000;

/**
 * Sends the events of the outbox to webhooks. Of several processes, one has a webhook at a time, and sends one event. Then
 * the webhook goes to the end of the queue, so a slow one delays only itself.
 */
@Injectable()
export class WebhookDeliveries implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly stopping = new AbortController();
  /** Attempts under way, with their teams. */
  private readonly underWay = new Map<Promise<void>, string>();
  private readonly timers: NodeJS.Timeout[] = [];
  private unsubscribe: (() => void) | null = null;
  private settling: NodeJS.Timeout | null = null;
  private sweeping: Promise<void> = Promise.resolve();
  private looking: Promise<void> | null = null;
  private isLookStale = false;

  constructor(
    @Inject(BACKGROUND_STORE) private readonly store: Pick<Repositories, 'webhooks'>,
    @Inject(EVENT_BUS) private readonly bus: EventBus,
    @Inject(SETTINGS) private readonly settings: Settings,
    @Inject(LOG) private readonly log: Logger,
    @Inject(WEBHOOK_HTTP) private readonly http: HttpClient,
    private readonly audit: AuditLog,
    private readonly announcer: Announcer,
  ) {}

  onApplicationBootstrap(): void {
    this.unsubscribe = this.bus.subscribe(({ type }) => {
      if (type === 'resource.changed') this.lookSoon();
    });
    const sweep = (): void => {
      this.sweeping = this.sweep(new Date()).catch((error: unknown) =>
        this.log.error({ err: error }, 'cannot look for expiring previews and keys'),
      );
    };
    this.timers.push(
      setInterval(() => this.lookSoon(), LOOK_MS).unref(),
      setInterval(sweep, SWEEP_MS).unref(),
    );
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.unsubscribe?.();
    for (const timer of this.timers) clearInterval(timer);
    if (this.settling) clearTimeout(this.settling);
    this.stopping.abort();
    await Promise.all([this.looking, this.sweeping, ...this.underWay.keys()]);
  }

  /** Looks for due deliveries in a moment. */
  lookSoon(): void {
    if (this.stopping.signal.aborted) return;
    this.settling ??= setTimeout(() => {
      this.settling = null;
      this.look().catch((error: unknown) => this.log.error({ err: error }, 'cannot send webhooks'));
    }, SETTLE_MS).unref();
  }

  /** Begins the deliveries that are due, as far as there is room. */
  async look(): Promise<void> {
    this.isLookStale = true;
    this.looking ??= this.begin().finally(() => (this.looking = null));
    return this.looking;
  }

  /** Adds events for what expires soon, and removes old deliveries. */
  async sweep(now: Date): Promise<void> {
    const { webhooks } = this.store;
    const notices = { previewsMs: PREVIEW_NOTICE_MS, apiKeysMs: KEY_NOTICE_MS };
    if ((await webhooks.addExpiring(now, notices)) > 0) this.lookSoon();
    const before = new Date(now.getTime() - KEPT_MS);
    while (!this.stopping.signal.aborted)
      if ((await webhooks.removeDeliveriesBefore(before, REMOVED_AT_ONCE)) < REMOVED_AT_ONCE) return;
  }

  private async begin(): Promise<void> {
    while (this.isLookStale && !this.stopping.signal.aborted) {
      this.isLookStale = false;
      const limit = MAX_AT_ONCE - this.underWay.size;
      if (limit === 0) return;
      const claimed = await this.store.webhooks.claim({
        now: new Date(),
        leaseMs: LEASE_MS,
        limit,
        maxPerTeam: MAX_PER_TEAM,
        busyTeamIds: this.busyTeamIds(),
      });
      for (const each of claimed) this.start(each);
    }
  }

  private start(claimed: ClaimedDelivery): void {
    const attempt = this.deliver(claimed)
      .catch((error: unknown) => {
        // Another process, or the next one, sends it again when the lease has ended.
        if (!this.stopping.signal.aborted) this.log.error({ err: error }, 'cannot record a webhook delivery');
      })
      .finally(() => {
        this.underWay.delete(attempt);
        this.lookSoon();
      });
    this.underWay.set(attempt, claimed.webhook.teamId);
  }

  private async deliver(claimed: ClaimedDelivery): Promise<void> {
    const { webhook } = claimed;
    const { teamId, id } = webhook;
    const attempt = await attemptDelivery(this.http, claimed, {
      previewUrl: (hostname) => previewUrl(this.settings, hostname),
      signal: this.stopping.signal,
    });
    const result = resultOf(claimed, attempt, new Date(), Math.random());
    await this.store.webhooks.record(claimed, result);
    this.announcer.changed({ teamId, resource: 'webhook', id, change: 'updated' });
    if (result.disable !== null) {
      const after = { state: 'disabled', reason: result.disable };
      await this.audit.record({ teamId, actor: SYSTEM }, 'webhook.disable', webhook, { after });
    }
  }

  private busyTeamIds(): string[] {
    const counts = new Map<string, number>();
    for (const teamId of this.underWay.values()) counts.set(teamId, (counts.get(teamId) ?? 0) + 1);
    return [...counts].filter(([, count]) => count >= MAX_PER_TEAM).map(([teamId]) => teamId);
  }
}
