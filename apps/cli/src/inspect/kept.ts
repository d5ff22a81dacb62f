import type { Exchange, ExchangeBodies } from '@culvert/contract';
import type { CommandContext } from '../command-context.js';
import { CliError } from '../cli-error.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import { WholeFile } from '../files/whole-file.js';
import { DEFAULT_LIMIT, firstItems } from '../paging/first-items.js';
import { findPreview } from '../preview/find-preview.js';
import { showClock } from '../output/readable.js';
import { bodyLines, detailsOf, lineOf } from './exchange-text.js';
import type { InspectFlags } from './inspect.js';
import { messageLines } from './message-text.js';

/** The flags of `inspect` that need `--kept`. */
export interface KeptFlags {
  readonly kept?: boolean;
  readonly host?: string;
  readonly text?: string;
  /** Times as the API takes them. */
  readonly from?: string;
  readonly until?: string;
  readonly minDuration?: number;
}

/** Time limit of a wait while an archive arrives. */
const EXPORT_IDLE_MS = 60_000;

/** Shows the requests that a preview keeps, newest first, or writes them to a file. */
export async function inspectKept(
  context: CommandContext,
  reference: string,
  flags: InspectFlags & KeptFlags,
): Promise<ExitCode> {
  if (flags.kept !== true)
    throw new CliError(EXIT.usage, '--host, --text, --from, --until and --min-duration need --kept');
  const { api, output } = context;
  const { id: previewId } = await findPreview(api, reference);
  const query = queryOf(flags);
  if (flags.har !== undefined) {
    if (flags.count !== undefined) throw new CliError(EXIT.usage, '--count does not limit --har with --kept');
    await writeArchive(context, previewId, { query, path: flags.har });
    return EXIT.ok;
  }
  const limit = flags.count ?? DEFAULT_LIMIT;
  const { items, hasMore } = await firstItems(limit, (page) =>
    api.call('listKeptExchanges', { previewId, query: { ...query, ...page } }),
  );
  output.result(items, () => {
    if (items.length === 0) output.line('No kept requests match.');
    for (const { id, kind, startedAt, omitted, exchange, bodies } of items) {
      if (kind === 'omitted') output.line(`${showClock(startedAt)}  ${omitted} requests were not kept`);
      else if (exchange === null) output.line(`${showClock(startedAt)}  cannot be read  ${id}`);
      else {
        output.line(lineOf(exchange as Exchange));
        if (flags.verbose === true) {
          const details = [
            ...detailsOf(exchange as Exchange),
            ...(bodies === null ? [] : contentLines(bodies as ExchangeBodies)),
          ];
          for (const line of details) output.line(line);
        }
      }
    }
  });
  if (hasMore) output.note(`There are more. Show them with --count ${limit * 10}.`);
  return EXIT.ok;
}

/** Returns the lines of all bodies and messages of a kept exchange. */
export function contentLines(bodies: ExchangeBodies): string[] {
  const messages = bodies.messages ?? [];
  return [
    ...bodyLines(bodies),
    ...messages.flatMap((message) => messageLines(message, { isVerbose: true }).map((line) => `  ${line}`)),
  ];
}

function queryOf(flags: InspectFlags & KeptFlags) {
  const { method, status, path, host, text, from, until, minDuration, bodies, messages } = flags;
  return {
    method: method?.join(','),
    status: status?.join(','),
    path,
    host,
    text,
    from,
    until,
    minDurationMs: minDuration,
    bodies: bodies === true || messages === true ? ('true' as const) : undefined,
  };
}

async function writeArchive(
  { api, output, signal }: CommandContext,
  previewId: string,
  { query, path }: { readonly query: ReturnType<typeof queryOf>; readonly path: string },
): Promise<void> {
  const file = new WholeFile(path);
  try {
    await api.stream(
      'exportKeptExchanges',
      { previewId, query },
      { onData: (part) => file.write(part), signal, idleMs: EXPORT_IDLE_MS },
    );
    file.finish();
  } catch (error) {
    file.abandon();
    throw error;
  }
  output.note(`Wrote ${path}.`);
}
