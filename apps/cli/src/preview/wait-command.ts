import { InvalidArgumentError, type Command } from 'commander';
import type { Action } from '../action.js';
import { readDuration } from '../flags.js';
import { withHelp } from '../help/command-help.js';
import { previewArgument } from './preview-argument.js';
import type { WaitFlags } from './wait-preview.js';

const MAX_TIMEOUT_SECONDS = 86_400;
const MAX_PATH_LENGTH = 4096;

/** Adds `preview wait`. */
export function addPreviewWait(preview: Command, action: Action): void {
  const command = preview
    .command('wait')
    .summary('wait until a preview answers')
    .description('Sends requests to a preview through its URL until its service answers with a status.')
    .addArgument(previewArgument())
    .option('--status <code>', 'status to wait for, from 200 to 599', readStatus, 200)
    .option('--timeout <duration>', 'longest time to wait, from 1s to 24h; default: 2m', readTimeout)
    .option('--path <path>', 'path and query of the requests', readPath, '/')
    .action(
      action(async (context, reference: string, flags: WaitFlags) =>
        (await import('./wait-preview.js')).waitForPreview(context, reference, flags),
      ),
    );
  withHelp(command, {
    details: [
      'Redirects are not followed, and errors that Culvert itself answers with do not count. A private preview is opened ' +
        'with your API key or, if you signed in with a browser, with a token that ends with the command.',
      'Exits with 0 when the preview answers, with 5 if it does not exist or is removed, and with 7 after --timeout.',
    ],
    examples: [
      'culvert preview wait k3v9',
      'culvert preview wait k3v9 --path /health --status 204 --timeout 5m',
    ],
  });
}

/** Reads a final status of HTTP. */
export function readStatus(text: string): number {
  if (/^[2-5]\d\d$/.test(text)) return Number(text);
  throw new InvalidArgumentError('Use a status from 200 to 599.');
}

/** Reads a duration in seconds. */
export function readTimeout(text: string): number {
  const seconds = readDuration(text);
  if (seconds >= 1 && seconds <= MAX_TIMEOUT_SECONDS) return seconds;
  throw new InvalidArgumentError('Use a duration from 1s to 24h.');
}

/** Reads the path of a URL, with its query. */
export function readPath(text: string): string {
  if (text.startsWith('/') && text.length <= MAX_PATH_LENGTH && URL.canParse(`http://a.test${text}`))
    return text;
  throw new InvalidArgumentError(`Use a path that begins with /, of at most ${MAX_PATH_LENGTH} characters.`);
}
