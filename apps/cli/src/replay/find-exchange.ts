import { exchange } from '@culvert/contract';
import type { CommandContext } from '../command-context.js';
import { findOne, isWholeId } from '../find/find-one.js';
import { follow, readEvent } from '../live/follow.js';
import { runLive } from '../live/run-live.js';

/** Time without another exchange after which all are known: every edge sends what it holds at once. */
const QUIET_MS = 500;

const exchangeId = exchange.pick({ id: true });

/**
 * Returns the id of the exchange of a preview that a reference names: an id in full, or a prefix of at least 8 characters,
 * which is looked up among the exchanges that Culvert holds.
 * @throws CliError `notFound` if there is none, `usage` if there are several
 */
export async function findExchange(
  context: CommandContext,
  previewId: string,
  reference: string,
): Promise<string> {
  if (isWholeId(reference)) return reference;
  const held = [...(await heldExchanges(context, previewId))].map((id) => ({ id }));
  const found = findOne(held, reference, {
    nouns: ['exchange', 'exchanges'],
    idOf: ({ id }) => id,
    namesOf: () => [],
    hint: 'Give at least 8 characters of an id, as "culvert inspect" shows it, or more of them if several match.',
  });
  return found.id;
}

/** Returns the ids of the exchanges that a new watcher of the preview receives. */
async function heldExchanges(context: CommandContext, previewId: string): Promise<Set<string>> {
  const { api, signal: asked, output } = context;
  const ids = new Set<string>();
  await runLive(context, async (signal, done) => {
    let quiet: NodeJS.Timeout | undefined;
    try {
      await follow(
        { of: 'exchanges', previewId, captureBodies: false },
        {
          api,
          signal,
          note: (text) => output.note(text),
          onEvent: (event) => {
            if (event.name === 'exchange') ids.add(readEvent(exchangeId, event).id);
            else if (event.name !== 'ready') return;
            clearTimeout(quiet);
            quiet = setTimeout(done, QUIET_MS);
          },
        },
      );
    } finally {
      clearTimeout(quiet);
    }
  });
  asked.throwIfAborted();
  return ids;
}
