import type { Making } from './authority.js';
import type { Page, PageRequest } from './page.js';
import type {
  AttemptResult,
  ClaimedDelivery,
  Webhook,
  WebhookAttempt,
  WebhookChange,
  WebhookDelivery,
  WebhookDraft,
} from './webhook.js';

/** Limits of a call of `claim`. */
export interface WebhookClaim {
  readonly now: Date;
  /** Milliseconds for which the webhook belongs to the caller: longer than an attempt takes. */
  readonly leaseMs: number;
  /** Maximum number of deliveries. */
  readonly limit: number;
  /** Maximum number of deliveries of one team. */
  readonly maxPerTeam: number;
  /** Teams that get none in this call. */
  readonly busyTeamIds: readonly string[];
}

/** Webhooks, and the outbox of events for them. Other repositories add events in the transactions of their changes. */
export interface WebhookRepository {
  /**
   * Creates an enabled webhook.
   * @throws TeamLimitError if there are `making.max` already
   * @throws AuthorityLostError if the caller can no longer create one
   */
  create(teamId: string, draft: WebhookDraft, making: Making): Promise<Webhook>;
  find(teamId: string, id: string): Promise<Webhook | null>;
  list(teamId: string, page: PageRequest): Promise<Page<Webhook>>;
  /** Null if the team has no such webhook. Enabling one makes it count as not failing; disabling one fails what is pending. */
  update(teamId: string, id: string, change: WebhookChange): Promise<Webhook | null>;
  /** Removes a webhook and its deliveries. False if the team has no such webhook. */
  remove(teamId: string, id: string): Promise<boolean>;
  /** Adds a test event, due at once. Null if the team has no such webhook, or it is disabled. */
  test(teamId: string, id: string, at: Date): Promise<WebhookDelivery | null>;
  /** Newest first. Empty if the team has no such webhook. */
  listDeliveries(teamId: string, webhookId: string, page: PageRequest): Promise<Page<WebhookDelivery>>;
  /** Attempts are the newest 50, newest first. */
  findDelivery(
    teamId: string,
    webhookId: string,
    id: string,
  ): Promise<{ readonly delivery: WebhookDelivery; readonly attempts: WebhookAttempt[] } | null>;
  /** Makes a delivery due again, with all its attempts. Null if the team has no such delivery, or its webhook is disabled. */
  redeliver(teamId: string, webhookId: string, id: string, at: Date): Promise<WebhookDelivery | null>;
  /**
   * Across teams: leases enabled webhooks with a delivery that is due, and returns one delivery of each. Webhooks whose last
   * turn is longest ago come first. Two callers never get the same webhook while its lease lasts.
   */
  claim(claim: WebhookClaim): Promise<ClaimedDelivery[]>;
  /** Across teams: records an attempt at a claimed delivery, and ends the lease. Nothing happens if it was removed meanwhile. */
  record(claimed: ClaimedDelivery, result: AttemptResult): Promise<void>;
  /**
   * Across teams: adds events for previews and API keys that expire soon. Each webhook gets one for each time of expiry.
   * @returns how many deliveries were added
   */
  addExpiring(
    now: Date,
    before: { readonly previewsMs: number; readonly apiKeysMs: number },
  ): Promise<number>;
  /** Across teams: removes at most `max` deliveries that were created before `before`. Returns how many. */
  removeDeliveriesBefore(before: Date, max: number): Promise<number>;
}
