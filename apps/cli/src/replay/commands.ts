import { Option, type Command } from 'commander';
import type { Action } from '../action.js';
import { completed } from '../completion/completers.js';
import { collect } from '../flags.js';
import { withHelp } from '../help/command-help.js';
import type { ReplayFlags } from './replay.js';

/** Adds the command that sends a recorded or new request to a preview. */
export function addReplayCommand(program: Command, action: Action): void {
  const command = program
    .command('replay')
    .summary('send a recorded or a new request to a preview')
    .description(
      'Sends a request to a preview as a visitor who was let in, and prints the body of the response. With the id of an ' +
        'exchange, repeats its request; flags replace parts of it.',
    )
    .argument(
      '<exchange-or-url>',
      'id of an exchange, as "culvert inspect" shows it, or its first 8 or more characters; or a URL of a preview',
    )
    .addOption(
      completed(new Option('--preview <preview>', 'the preview, for the id of an exchange'), 'preview'),
    )
    .option('-X, --method <method>', 'method; default: as recorded, or GET, or POST with --data')
    .option('--target <path>', 'path and query; default: as recorded, or those of the URL')
    .option(
      '-H, --header <name: value>',
      'header; repeatable. Replaces all headers of a recorded request',
      collect,
    )
    .option('-d, --data <text>', 'body; @FILE reads a file, @- reads stdin, and "" sends no body')
    .option('-i, --include', 'show status, headers and time, on stderr')
    .option('-f, --fail', 'exit with 1 if the status is 400 or above')
    .action(
      action(async (context, what: string, flags: ReplayFlags) =>
        (await import('./replay.js')).replay(context, what, flags),
      ),
    );
  withHelp(command, {
    details: [
      'Culvert holds the last 200 exchanges of a preview while someone watches it, as "culvert inspect" does. Those that ' +
        'the preview keeps can be sent again later too. Secrets of a recorded request are not sent again: add them with ' +
        '--header.',
    ],
    examples: [
      'culvert replay 0198c7f2 --preview k3v9 --include',
      'culvert replay https://k3v9.preview.example.com/health --fail',
      'culvert replay -H "content-type: application/json" -d @order.json \\\n' +
        '  https://k3v9.preview.example.com/orders',
    ],
  });
}
