import { describe, expect, it } from 'vitest';
import {
  MAX_FAILING_MS,
  resultOf,
  RETRY_DELAYS_MS,
  type ClaimedDelivery,
  type WebhookAttempt,
} from './webhook.js';

const NOW = new Date('2030-01-31T12:00:00Z');

function claimed(attemptCount: number, failingSince: Date | null = null): ClaimedDelivery {
  return { webhook: { failingSince }, delivery: { attemptCount } } as ClaimedDelivery;
}

function attempt(status: number | null, error: string | null): Omit<WebhookAttempt, 'id'> {
  return { at: NOW, durationMs: 1, status, error, responseBody: '' };
}

const FAILURE = attempt(500, 'it answered 500');

describe('the result of an attempt', () => {
  it('is a delivery that ends the failure of its webhook', () => {
    expect(resultOf(claimed(3, NOW), attempt(204, null), NOW, 0)).toMatchObject({
      state: 'delivered',
      failingSince: null,
      disable: null,
    });
  });

  it('waits longer after each failure, and fails for good after the last one', () => {
    const waits = [0, 1, 2, 3, 4, 5].map((count) => {
      const { state, nextAttemptAt } = resultOf(claimed(count), FAILURE, NOW, 0);
      return [state, nextAttemptAt.getTime() - NOW.getTime()];
    });
    expect(waits).toEqual([...RETRY_DELAYS_MS.map((ms) => ['pending', ms]), ['failed', 0]]);
    expect(resultOf(claimed(1), FAILURE, NOW, 1).nextAttemptAt.getTime() - NOW.getTime()).toBe(30_000);
  });

  it('disables a webhook that has failed for three days, and not earlier', () => {
    const since = (ms: number) => new Date(NOW.getTime() - ms);
    expect(resultOf(claimed(0, since(MAX_FAILING_MS - 1)), FAILURE, NOW, 0).disable).toBeNull();
    expect(resultOf(claimed(0, since(MAX_FAILING_MS)), FAILURE, NOW, 0)).toMatchObject({
      state: 'failed',
      disable: 'failing',
    });
  });

  it('disables a webhook at once whose server says that it is gone', () => {
    expect(resultOf(claimed(0), attempt(410, 'it answered 410'), NOW, 0)).toMatchObject({
      state: 'failed',
      disable: 'gone',
    });
  });
});
