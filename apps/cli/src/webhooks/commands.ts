import { WEBHOOK_EVENTS, WEBHOOK_FORMATS, type WebhookEvent } from '@culvert/terms';
import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import type { Action } from '../action.js';
import { completed } from '../completion/completers.js';
import { withHelp } from '../help/command-help.js';
import { needsKey } from '../help/needs-key.js';
import type { CreateFlags, UpdateFlags } from './webhooks.js';

const details = [needsKey('team:write')];

/** Adds the commands for webhooks. */
export function addWebhooksCommands(program: Command, action: Action): void {
  const webhooks = program
    .command('webhooks')
    .summary('send events of the team to other servers')
    .description('Creates, lists, changes, tests and deletes webhooks, and shows what was delivered.');
  withHelp(webhooks, {
    details,
    examples: [
      'culvert webhooks list',
      'culvert webhooks create --name Chat --to https://hooks.example.com/',
    ],
  });
  addCreate(webhooks, action);
  const list = webhooks
    .command('list')
    .alias('ls')
    .summary('list the webhooks of the team')
    .description('Lists the webhooks of the team, newest first.')
    .action(action(async (context) => (await import('./webhooks.js')).listWebhooks(context)));
  withHelp(list, { details, examples: ['culvert webhooks list'] });
  const show = webhooks
    .command('show')
    .summary('show a webhook')
    .description('Shows the details of a webhook, without its secret.')
    .addArgument(webhookArgument())
    .action(
      action(async (context, webhook: string) =>
        (await import('./webhooks.js')).showWebhook(context, webhook),
      ),
    );
  withHelp(show, { details, examples: ['culvert webhooks show Chat'] });
  addUpdate(webhooks, action);
  const remove = webhooks
    .command('delete')
    .alias('rm')
    .summary('delete webhooks')
    .description('Deletes webhooks and the log of their deliveries.')
    .addArgument(webhookArgument('<webhooks...>'))
    .action(
      action(async (context, references: string[]) =>
        (await import('./webhooks.js')).deleteWebhooks(context, references),
      ),
    );
  withHelp(remove, { details, examples: ['culvert webhooks delete Chat'] });
  addDeliveries(webhooks, action);
}

function webhookArgument(name = '<webhook>'): Argument {
  return completed(new Argument(name, 'id or name of the webhook'), 'webhook');
}

function eventOption(description: string): Option {
  return new Option('--event <type>', `${description}. Types: ${WEBHOOK_EVENTS.join(', ')}`).argParser(
    collectEvent,
  );
}

function collectEvent(text: string, before: readonly WebhookEvent[] | undefined): WebhookEvent[] {
  const event = WEBHOOK_EVENTS.find((known) => known === text);
  if (event === undefined) throw new InvalidArgumentError(`Use one of ${WEBHOOK_EVENTS.join(', ')}.`);
  return [...(before ?? []), event];
}

function addCreate(webhooks: Command, action: Action): void {
  const create = webhooks
    .command('create')
    .summary('create a webhook')
    .description('Creates a webhook and prints the secret that verifies its signatures.')
    .requiredOption('--name <text>', 'name shown to people')
    .requiredOption('--to <url>', 'https URL to which events are sent')
    .addOption(new Option('--format <format>', 'form of the events').choices(WEBHOOK_FORMATS))
    .addOption(eventOption('event to send; repeatable; default: all'))
    .action(
      action(async (context, flags: CreateFlags) =>
        (await import('./webhooks.js')).createWebhook(context, flags),
      ),
    );
  withHelp(create, {
    details: ['The secret is printed on stdout and never shown again.', ...details],
    examples: [
      'culvert webhooks create --name CI --to https://ci.example.com/ > secret',
      'culvert webhooks create --name Chat --to https://chat.test/x --format slack',
    ],
  });
}

function addUpdate(webhooks: Command, action: Action): void {
  const update = webhooks
    .command('update')
    .summary('change, enable or disable a webhook')
    .description('Changes the settings of a webhook that are named. Its secret stays the same.')
    .addArgument(webhookArgument())
    .option('--name <text>', 'name shown to people')
    .option('--to <url>', 'https URL to which events are sent')
    .addOption(eventOption('event to send; repeatable; replaces those before'))
    .addOption(new Option('--enable', 'send events again').conflicts('disable'))
    .option('--disable', 'send nothing, and give up what is pending')
    .action(
      action(async (context, webhook: string, flags: UpdateFlags) =>
        (await import('./webhooks.js')).updateWebhook(context, webhook, flags),
      ),
    );
  withHelp(update, {
    details,
    examples: [
      'culvert webhooks update Chat --event preview.created',
      'culvert webhooks update Chat --enable',
    ],
  });
}

function addDeliveries(webhooks: Command, action: Action): void {
  const test = webhooks
    .command('test')
    .summary('send a test event')
    .description('Sends the event webhook.test, and waits until it was delivered or has failed once.')
    .addArgument(webhookArgument())
    .action(
      action(async (context, webhook: string) =>
        (await import('./deliveries.js')).testWebhook(context, webhook),
      ),
    );
  withHelp(test, { details, examples: ['culvert webhooks test Chat'] });
  const deliveries = webhooks
    .command('deliveries')
    .summary('list deliveries, or show one with its attempts')
    .description('Lists what was sent to a webhook in the last seven days, or shows one delivery.')
    .addArgument(webhookArgument())
    .argument('[delivery]', 'id of a delivery')
    .action(
      action(async (context, webhook: string, delivery: string | undefined) =>
        (await import('./deliveries.js')).showDeliveries(context, webhook, delivery),
      ),
    );
  withHelp(deliveries, { details, examples: ['culvert webhooks deliveries Chat'] });
  const redeliver = webhooks
    .command('redeliver')
    .summary('send an event again')
    .description('Sends the event of a delivery again, with the same webhook-id.')
    .addArgument(webhookArgument())
    .argument('<delivery>', 'id of the delivery')
    .action(
      action(async (context, webhook: string, delivery: string) =>
        (await import('./deliveries.js')).redeliver(context, webhook, delivery),
      ),
    );
  withHelp(redeliver, { details, examples: ['culvert webhooks redeliver Chat 0198c7f2'] });
}
