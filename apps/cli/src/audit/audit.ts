/** What the commands for the audit log do. */
import type { AuditAction } from '@culvert/terms';
import type { Api, AuditEvent } from '../api.js';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import { WholeFile } from '../files/whole-file.js';
import { runLive } from '../live/run-live.js';
import { showTime } from '../output/readable.js';
import { firstItems, moreNote } from '../paging/first-items.js';
import { followAudit } from './follow-audit.js';

export interface AuditFilter {
  readonly actor?: string;
  readonly action?: AuditAction;
  readonly target?: string;
  readonly name?: string;
  readonly from?: string;
  readonly until?: string;
}

export interface ListFlags extends AuditFilter {
  readonly limit: number;
  readonly follow?: boolean;
}

/** Time limit of a wait while a table arrives. */
const EXPORT_IDLE_MS = 60_000;

export async function listAudit(context: CommandContext, flags: ListFlags): Promise<ExitCode> {
  const { api, output } = context;
  const query = await queryOf(api, flags);
  if (flags.follow === true) {
    return runLive(context, (signal) =>
      followAudit(context, { query, limit: flags.limit, signal, show: (event) => showEvent(context, event) }),
    );
  }
  const { items, hasMore } = await firstItems(flags.limit, (page) =>
    api.call('listAuditEvents', { query: { ...query, ...page } }),
  );
  output.result(items, () =>
    output.table(
      ['AT', 'WHO', 'ACTION', 'WHAT'],
      items.map((event) => [showTime(event.at), whoOf(event), event.action, event.summary]),
      'No events match.',
    ),
  );
  if (hasMore) output.note(moreNote(flags.limit, 'set --until'));
  return EXIT.ok;
}

export async function exportAudit(
  { api, output, signal }: CommandContext,
  { file: path, ...filter }: AuditFilter & { readonly file?: string },
): Promise<void> {
  if (output.isForPrograms) {
    throw new CliError(EXIT.usage, `audit export writes CSV, not ${output.format}`, {
      hint: 'For JSON or YAML: culvert audit list --limit 100000 --output json',
    });
  }
  const query = await queryOf(api, filter);
  const file = path === undefined ? null : new WholeFile(path);
  try {
    await api.stream(
      'exportAuditEvents',
      { query },
      {
        // A table for a person is text, in which a server could hide control characters.
        onData: (part) => (file === null ? output.bytes(part) : file.write(part)),
        signal,
        idleMs: EXPORT_IDLE_MS,
      },
    );
    file?.finish();
  } catch (error) {
    file?.abandon();
    throw error;
  }
  if (path !== undefined) output.note(`Wrote ${path}.`);
}

/** Returns the filter of the API for the flags. */
async function queryOf(api: Api, { actor, action, target, name, from, until }: AuditFilter) {
  const actorId = actor?.includes('@') === true ? await memberIdOf(api, actor) : actor;
  return { actorId, action, targetId: target, name, from, until };
}

async function memberIdOf(api: Api, email: string): Promise<string> {
  const { findMember } = await import('../members/members.js');
  return (await findMember(api, email)).userId;
}

function showEvent({ output }: CommandContext, event: AuditEvent): void {
  output.event(event, () => output.line(`${showTime(event.at)}  ${whoOf(event)}  ${event.summary}`));
}

function whoOf({ actor }: AuditEvent): string {
  return actor.name ?? (actor.kind === 'system' ? 'Culvert' : (actor.id ?? actor.kind));
}
