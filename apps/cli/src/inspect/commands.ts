import { Option, type Command } from 'commander';
import type { Action } from '../action.js';
import { withHelp } from '../help/command-help.js';
import { readMilliseconds, readPast } from '../flags.js';
import { readLimit } from '../paging/first-items.js';
import { previewArgument } from '../preview/preview-argument.js';
import { collectMethod, collectStatus } from './filter.js';
import type { InspectFlags } from './inspect.js';
import type { KeptFlags } from './kept.js';

/** Adds the command that shows the traffic of a preview as it happens. */
export function addInspectCommand(program: Command, action: Action): void {
  const command = program
    .command('inspect')
    .summary('show the requests of a preview as they happen')
    .description(
      'Shows the requests of a preview and their responses as they happen, until Ctrl-C. Begins with the last ones, if ' +
        'someone was watching.',
    )
    .addArgument(previewArgument())
    .option('--method <method>', 'show only this method; repeatable', collectMethod)
    .option('--status <status>', 'show only 404, 4xx, or failed requests; repeatable', collectStatus)
    .option('--path <text>', 'show only paths with this text, or like /api/*')
    .option('-v, --verbose', 'also show headers, times and, with --bodies, text')
    .option('--bodies', 'capture bodies while this runs, up to 64 KiB each; needs the scope previews:write')
    .option(
      '--messages',
      'also show messages of WebSockets, gRPC and event streams; needs the scope previews:write',
    )
    .option('--har <file>', 'write what is shown to an HTTP Archive (HAR 1.2) at the end')
    .addOption(new Option('--count <number>', 'end after this many requests').argParser(readLimit))
    .option('--kept', 'show the requests that the preview keeps, newest first, and end')
    .option('--host <text>', 'with --kept: show only requests with this text in Host')
    .option(
      '--text <text>',
      'with --kept: show only requests with this text in a header or, with --bodies, a body or message',
    )
    .option('--from <when>', 'with --kept: show only requests since then: 12h, or a time', readPast)
    .option('--until <when>', 'with --kept: show only requests before then: 12h, or a time', readPast)
    .addOption(
      new Option(
        '--min-duration <duration>',
        'with --kept: show only requests that took at least this long: 250, 250ms, 1s',
      ).argParser(readMilliseconds),
    )
    .action(
      action(async (context, preview: string, flags: InspectFlags & KeptFlags) =>
        flags.kept === true || isForKept(flags)
          ? (await import('./kept.js')).inspectKept(context, preview, flags)
          : (await import('./inspect.js')).inspect(context, preview, flags),
      ),
    );
  withHelp(command, {
    details: [
      'Secrets in headers and queries are masked by Culvert. Bodies and messages are not masked.',
      'A line ends with the id of the exchange. "culvert replay" can send it again while this runs.',
    ],
    examples: [
      'culvert inspect k3v9 --status 5xx --status failed',
      'culvert inspect k3v9 --method POST --path "/api/*" --bodies --verbose',
      'culvert inspect k3v9 --bodies --har traffic.har --count 20',
      'culvert inspect k3v9 --messages --path /live',
      'culvert inspect k3v9 --kept --status 5xx --from 2h --har errors.har',
    ],
  });
}

/** Reports whether a flag is given that needs `--kept`. */
function isForKept({ host, text, from, until, minDuration }: KeptFlags): boolean {
  return [host, text, from, until, minDuration].some((flag) => flag !== undefined);
}
