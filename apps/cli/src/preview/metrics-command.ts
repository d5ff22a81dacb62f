import { InvalidArgumentError, Option, type Command } from 'commander';
import type { Action } from '../action.js';
import { withHelp } from '../help/command-help.js';
import { previewArgument } from './preview-argument.js';

/** Minutes for which Culvert keeps figures. */
const MAX_MINUTES = 1440;
const DEFAULT_MINUTES = 60;

/** Adds `preview metrics`. */
export function addPreviewMetrics(preview: Command, action: Action): void {
  const command = preview
    .command('metrics')
    .summary('show the traffic and failures of a preview, or of all')
    .description(
      'Shows the requests, failures, sizes and times of a preview, or the requests of all previews.',
    )
    .addArgument(previewArgument('[preview]'))
    .addOption(
      new Option('--minutes <number>', `time to cover, at most ${MAX_MINUTES}`)
        .argParser(readMinutes)
        .default(DEFAULT_MINUTES),
    )
    .action(
      action(async (context, reference: string | undefined, flags: { readonly minutes: number }) =>
        (await import('./preview-metrics.js')).previewMetrics(context, reference, flags.minutes),
      ),
    );
  withHelp(command, {
    details: ['The last minute is not complete: counts arrive within 15 seconds.'],
    examples: ['culvert preview metrics k3v9', 'culvert preview metrics --minutes 1440 --output json'],
  });
}

function readMinutes(text: string): number {
  const minutes = Number(text);
  if (/^\d{1,4}$/.test(text) && minutes >= 1 && minutes <= MAX_MINUTES) return minutes;
  throw new InvalidArgumentError(`Use a number from 1 to ${MAX_MINUTES}.`);
}
