/** What the commands for webhooks do. */
import type { WebhookEvent, WebhookFormat } from '@culvert/terms';
import type { Api, Webhook } from '../api.js';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { findOne } from '../find/find-one.js';
import { eachInTurn } from '../output/each-in-turn.js';
import type { Output } from '../output/output.js';
import { shortIds, showTime } from '../output/readable.js';

export interface CreateFlags {
  readonly name: string;
  readonly to: string;
  readonly format?: WebhookFormat;
  readonly event?: WebhookEvent[];
}

export interface UpdateFlags {
  readonly name?: string;
  readonly to?: string;
  readonly event?: WebhookEvent[];
  readonly enable?: boolean;
  readonly disable?: boolean;
}

/** Prints only the secret on stdout, so that scripts can store it. */
export async function createWebhook(
  { api, output }: CommandContext,
  { name, to, format, event }: CreateFlags,
): Promise<void> {
  const created = await api.call('createWebhook', {
    body: { name, url: to, ...(format && { format }), ...(event && { events: event }) },
  });
  output.result(created, () => output.line(created.secret));
  if (!output.isForPrograms)
    output.note(
      `${created.name} (${created.id}) receives events from now on. The secret is not shown again.`,
    );
}

export async function listWebhooks({ api, output }: CommandContext): Promise<void> {
  const webhooks = await api.list('listWebhooks');
  const ids = shortIds(webhooks.map(({ id }) => id));
  output.result(webhooks, () =>
    output.table(
      ['NAME', 'ID', 'STATE', 'FORMAT', 'URL'],
      webhooks.map((webhook, i) => [
        webhook.name,
        ids[i] ?? '',
        stateOf(webhook),
        webhook.format,
        new URL(webhook.url).host,
      ]),
      'There are no webhooks. Create one with "culvert webhooks create".',
    ),
  );
}

export async function showWebhook({ api, output }: CommandContext, reference: string): Promise<void> {
  const { id: webhookId } = await findWebhook(api, reference);
  const webhook = await api.call('getWebhook', { webhookId });
  output.result(webhook, () => showDetails(output, webhook));
}

export async function updateWebhook(
  { api, output }: CommandContext,
  reference: string,
  { name, to, event, enable, disable }: UpdateFlags,
): Promise<void> {
  const state = enable ? ('enabled' as const) : disable ? ('disabled' as const) : undefined;
  const body = {
    ...(name && { name }),
    ...(to && { url: to }),
    ...(event && { events: event }),
    ...(state && { state }),
  };
  if (Object.keys(body).length === 0)
    throw new CliError(EXIT.usage, 'nothing to change: name at least one setting');
  const { id: webhookId } = await findWebhook(api, reference);
  const webhook = await api.call('updateWebhook', { webhookId, body });
  output.result(webhook, () => showDetails(output, webhook));
}

export async function deleteWebhooks({ api, output }: CommandContext, references: string[]): Promise<void> {
  const found: Webhook[] = [];
  // Finds all webhooks first, so that a mistyped name deletes nothing.
  for (const reference of references) found.push(await findWebhook(api, reference));
  await eachInTurn(
    found.map(({ id, name }) => ({ id, name })),
    ({ id }) => api.call('deleteWebhook', { webhookId: id }),
    (done) =>
      output.result(done, () => {
        for (const { id, name } of done) output.line(`Deleted ${name} (${id})`);
      }),
  );
}

/** Finds a webhook by its id, by a prefix as shown in lists, or by its name. @throws CliError */
export async function findWebhook(api: Api, reference: string): Promise<Webhook> {
  return findOne(await api.list('listWebhooks'), reference, {
    nouns: ['webhook', 'webhooks'],
    idOf: ({ id }) => id,
    namesOf: ({ name }) => [name],
    hint: 'Use its id: "culvert webhooks list" shows the ids.',
  });
}

function stateOf({ state, disabledReason, failingSince }: Webhook): string {
  if (state === 'disabled') return disabledReason === null ? state : `${state} (${disabledReason})`;
  return failingSince === null ? state : `failing since ${showTime(failingSince)}`;
}

function showDetails(output: Output, webhook: Webhook): void {
  output.fields([
    ['Name', webhook.name],
    ['Id', webhook.id],
    ['URL', webhook.url],
    ['Format', webhook.format],
    ['Events', webhook.events.join(', ')],
    ['State', stateOf(webhook)],
    ['Dropped events', webhook.droppedCount === 0 ? null : String(webhook.droppedCount)],
    ['Created', showTime(webhook.createdAt)],
  ]);
}
