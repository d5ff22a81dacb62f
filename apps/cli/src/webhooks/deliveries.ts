/** What the commands for deliveries of webhooks do. */
import { setTimeout as wait } from 'node:timers/promises';
import type { WebhookDeliveryDetails } from '../api.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { findOne, isWholeId } from '../find/find-one.js';
import type { Output } from '../output/output.js';
import { shortIds, showTime } from '../output/readable.js';
import { findWebhook } from './webhooks.js';

const POLL_MS = 500;
/** Longer than an attempt takes. */
const MAX_POLLS = 60;

/** Sends a test, and waits for its first attempt. Returns an exit code. */
export async function testWebhook(
  { api, output, signal }: CommandContext,
  reference: string,
): Promise<number> {
  const { id: webhookId } = await findWebhook(api, reference);
  const { id: deliveryId } = await api.call('testWebhook', { webhookId });
  let details = await api.call('getWebhookDelivery', { webhookId, deliveryId });
  for (let poll = 0; poll < MAX_POLLS && details.attempts.length === 0; poll++) {
    await wait(POLL_MS, undefined, { signal });
    details = await api.call('getWebhookDelivery', { webhookId, deliveryId });
  }
  output.result(details, () => showDetails(output, details));
  return details.state === 'delivered' ? EXIT.ok : EXIT.failure;
}

export async function showDeliveries(
  { api, output }: CommandContext,
  reference: string,
  delivery: string | undefined,
): Promise<void> {
  const { id: webhookId } = await findWebhook(api, reference);
  if (delivery !== undefined) {
    const deliveryId = await findDelivery({ api }, webhookId, delivery);
    const details = await api.call('getWebhookDelivery', { webhookId, deliveryId });
    output.result(details, () => showDetails(output, details));
    return;
  }
  const deliveries = await api.list('listWebhookDeliveries', { webhookId });
  const ids = shortIds(deliveries.map(({ id }) => id));
  output.result(deliveries, () =>
    output.table(
      ['CREATED', 'ID', 'EVENT', 'STATE', 'ATTEMPTS', 'NEXT'],
      deliveries.map(({ createdAt, type, state, attemptCount, nextAttemptAt }, i) => [
        showTime(createdAt),
        ids[i] ?? '',
        type,
        state,
        String(attemptCount),
        nextAttemptAt === null ? '' : showTime(nextAttemptAt),
      ]),
      'Nothing was sent to this webhook in the last seven days.',
    ),
  );
}

export async function redeliver(
  { api, output }: CommandContext,
  reference: string,
  delivery: string,
): Promise<void> {
  const { id: webhookId } = await findWebhook(api, reference);
  const deliveryId = await findDelivery({ api }, webhookId, delivery);
  const due = await api.call('redeliverWebhook', { webhookId, deliveryId });
  output.result(due, () => output.line(`Sending ${due.type} (${due.id}) again.`));
}

async function findDelivery(
  { api }: Pick<CommandContext, 'api'>,
  webhookId: string,
  reference: string,
): Promise<string> {
  if (isWholeId(reference)) return reference;
  const found = findOne(await api.list('listWebhookDeliveries', { webhookId }), reference, {
    nouns: ['delivery', 'deliveries'],
    idOf: ({ id }) => id,
    namesOf: () => [],
    hint: 'Use its id: "culvert webhooks deliveries" shows the ids.',
  });
  return found.id;
}

function showDetails(output: Output, details: WebhookDeliveryDetails): void {
  output.fields([
    ['Event', details.type],
    ['Id', details.id],
    ['State', details.state],
    ['Created', showTime(details.createdAt)],
    ['Next attempt', details.nextAttemptAt && showTime(details.nextAttemptAt)],
    ...details.attempts.map(({ at, status, error, durationMs }): [string, string] => [
      'Attempt',
      `${showTime(at)}, ${error ?? `status ${status}`}, ${durationMs} ms`,
    ]),
  ]);
}
