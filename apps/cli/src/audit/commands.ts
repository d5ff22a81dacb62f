import { AUDIT_ACTIONS } from '@culvert/terms';
import { Option, type Command } from 'commander';
import type { Action } from '../action.js';
import { completed } from '../completion/completers.js';
import { readPast } from '../flags.js';
import { withHelp } from '../help/command-help.js';
import { needsKey } from '../help/needs-key.js';
import { limitOption } from '../paging/first-items.js';
import type { AuditFilter, ListFlags } from './audit.js';

/** Adds the commands for the audit log of the team. */
export function addAuditCommands(program: Command, action: Action): void {
  const audit = program
    .command('audit')
    .summary('show who changed what in the team')
    .description('Shows who changed what in the team. "culvert audit" alone is "culvert audit list".');
  withHelp(audit, {
    details: [needsKey('audit:read')],
    examples: ['culvert audit --from 7d', 'culvert audit --follow'],
  });
  const list = addFilters(
    audit
      .command('list', { isDefault: true })
      .alias('ls')
      .summary('list who changed what')
      .description('Lists who changed what in the team, newest first.'),
  )
    .addOption(limitOption('events'))
    .addOption(
      new Option('-f, --follow', 'also show new events, newest last, until Ctrl-C').conflicts('until'),
    )
    .action(
      action(async (context, flags: ListFlags) => (await import('./audit.js')).listAudit(context, flags)),
    );
  withHelp(list, {
    details: [
      needsKey('audit:read'),
      'To see older events, set --until to the time of the last one that is shown.',
    ],
    examples: [
      'culvert audit list --action preview.delete --from 7d',
      'culvert audit list --actor jo@example.com --limit 500 --output json',
      'culvert audit list --follow',
    ],
  });
  const download = addFilters(
    audit
      .command('export')
      .summary('export who changed what as CSV')
      .description('Writes every event that matches, newest first, as CSV with a header line.'),
  )
    .option('--file <path>', 'write to this file instead of stdout')
    .action(
      action(async (context, flags: AuditFilter & { readonly file?: string }) =>
        (await import('./audit.js')).exportAudit(context, flags),
      ),
    );
  withHelp(download, {
    details: [needsKey('audit:read')],
    examples: ['culvert audit export --from 30d --file audit.csv', 'culvert audit export > audit.csv'],
  });
}

function addFilters(command: Command): Command {
  return command
    .addOption(
      completed(
        new Option('--actor <who>', 'only what this member or API key did: an email address or id'),
        'member',
      ),
    )
    .addOption(
      new Option('--action <action>', 'only events of this kind, such as preview.create').choices(
        AUDIT_ACTIONS,
      ),
    )
    .option('--target <id>', 'only events about the thing with this id')
    .option('--name <text>', 'only events about things with this text in their name')
    .option('--from <when>', 'only events since then: 12h or 7d ago, or a time', readPast)
    .option('--until <when>', 'only events before then: 12h or 7d ago, or a time', readPast);
}
