import type {
  WebhookDeliveryState,
  WebhookDisabledReason,
  WebhookEvent,
  WebhookFormat,
  WebhookState,
} from '@culvert/terms';

/** A receiver of a team's events. */
export interface Webhook {
  readonly id: string;
  readonly teamId: string;
  readonly name: string;
  /** May contain a secret of the receiver, as the URLs of Slack do. */
  readonly url: string;
  readonly format: WebhookFormat;
  readonly events: readonly WebhookEvent[];
  readonly state: WebhookState;
  /** Why Culvert disabled it; null: it is enabled, or a person disabled it. */
  readonly disabledReason: WebhookDisabledReason | null;
  /** Time of the first failure since the last success; null: the last attempt succeeded. */
  readonly failingSince: Date | null;
  /** Deliveries that were removed unattempted because more than MAX_PENDING_DELIVERIES waited. */
  readonly droppedCount: number;
  readonly createdAt: Date;
}

export type WebhookDraft = Pick<Webhook, 'name' | 'url' | 'format' | 'events'> & {
  /** Key of the signatures. */
  readonly secret: string;
};

export type WebhookChange = Partial<Pick<Webhook, 'name' | 'url' | 'events' | 'state'>>;

/** An event for one webhook. */
export interface WebhookDelivery {
  readonly id: string;
  readonly teamId: string;
  readonly webhookId: string;
  /** A `WebhookEvent`, or `WEBHOOK_TEST`. */
  readonly type: string;
  /** JSON of the event, exactly as it is signed. */
  readonly payload: string;
  readonly state: WebhookDeliveryState;
  readonly attemptCount: number;
  /** Time from which the next attempt is due, if it is pending. */
  readonly nextAttemptAt: Date;
  readonly createdAt: Date;
}

/** One request to a webhook. */
export interface WebhookAttempt {
  readonly id: string;
  readonly at: Date;
  readonly durationMs: number;
  /** Status of the response; null: none came. */
  readonly status: number | null;
  /** Why it failed, one sentence; null: it succeeded. At most 300 characters. */
  readonly error: string | null;
  /** Start of the response body, at most 1024 characters. */
  readonly responseBody: string;
}

/** A delivery that this process makes now. */
export interface ClaimedDelivery {
  readonly webhook: Webhook & { readonly secret: string };
  readonly delivery: WebhookDelivery;
}

/** Limit of undelivered events of one webhook. Beyond it, the oldest are dropped. */
export const MAX_PENDING_DELIVERIES = 1000;

/** Waits before each further attempt, in milliseconds. After the last one the delivery has failed. */
export const RETRY_DELAYS_MS: readonly number[] = [5000, 60_000, 600_000, 3_600_000, 21_600_000];

/** Time without a success after which a failing webhook is disabled: three days. */
export const MAX_FAILING_MS = 3 * 24 * 60 * 60 * 1000;

/** What an attempt leads to. */
export interface AttemptResult {
  readonly attempt: Omit<WebhookAttempt, 'id'>;
  readonly state: WebhookDeliveryState;
  readonly nextAttemptAt: Date;
  readonly failingSince: Date | null;
  /** Null: it stays enabled. */
  readonly disable: WebhookDisabledReason | null;
}

/**
 * Returns what an attempt at `claimed` leads to.
 * @param random 0 to 1, spreads retries over the second half of each wait
 */
export function resultOf(
  { webhook, delivery }: Pick<ClaimedDelivery, 'webhook' | 'delivery'>,
  attempt: Omit<WebhookAttempt, 'id'>,
  now: Date,
  random: number,
): AttemptResult {
  if (attempt.error === null)
    return { attempt, state: 'delivered', nextAttemptAt: now, failingSince: null, disable: null };
  const failingSince = webhook.failingSince ?? now;
  const isFailingLong = now.getTime() - failingSince.getTime() >= MAX_FAILING_MS;
  const disable = attempt.status === 410 ? 'gone' : isFailingLong ? 'failing' : null;
  const delayMs = RETRY_DELAYS_MS[delivery.attemptCount];
  const isLast = delayMs === undefined || disable !== null;
  return {
    attempt,
    state: isLast ? 'failed' : 'pending',
    nextAttemptAt: isLast ? now : new Date(now.getTime() + delayMs * (1 - random / 2)),
    failingSince,
    disable,
  };
}
