import { changeEvent } from '@culvert/contract';
import type { CommandContext } from '../command-context.js';
import type { ExitCode } from '../exit-code.js';
import { follow, readEvent, type LiveEvent } from '../live/follow.js';
import { runLive } from '../live/run-live.js';
import { showClock } from '../output/readable.js';

/**
 * Prints changes in the team until a person ends it.
 * @param resources kinds to show; null: all
 */
export function watchChanges(
  context: CommandContext,
  resources: readonly string[] | null,
): Promise<ExitCode> {
  const { api, output } = context;
  const show = (event: LiveEvent): void => {
    if (event.name === 'change') {
      const change = readEvent(changeEvent, event);
      if (resources !== null && !resources.includes(change.resource)) return;
      output.event({ type: 'change', ...change }, () =>
        output.line(`${showClock(change.at)}  ${change.resource} ${change.change}  ${change.id}`),
      );
    } else if (event.name === 'reset') {
      output.event({ type: 'reset' }, () => output.note('Changes may have been missed.'));
    }
  };
  if (output.isWatched) output.note('Waiting for changes. Ctrl-C ends this.');
  return runLive(context, (signal) =>
    follow({ of: 'changes' }, { api, signal, onEvent: show, note: (text) => output.note(text) }),
  );
}
