import { exchange } from '@culvert/contract';
import { MAX_KEEP_COUNT } from '@culvert/terms';
import type { CommandContext } from '../command-context.js';
import { findOne, isWholeId } from '../find/find-one.js';
import { follow, readEvent } from '../live/follow.js';
import { runLive } from '../live/run-live.js';
import { isIdOf } from '../output/readable.js';
import { firstItems } from '../paging/first-items.js';
import { problemCodeOf } from '../problem-error.js';

/** Time without another exchange after which all are known: every edge sends what it holds at once. */
const QUIET_MS = 500;

/** A reference that `isIdOf` accepts. */
const PREFIX = /^[0-9a-f-]{8,}$/i;

const exchangeId = exchange.pick({ id: true });

/**
 * Returns the id of the exchange of a preview that a reference names: an id in full, or a prefix of at least 8 characters,
 * which is looked up among the exchanges that edges hold and, if none matches, among those that the preview keeps.
 * @throws CliError `notFound` if there is none, `usage` if there are several
 */
export async function findExchange(
  context: CommandContext,
  previewId: string,
  reference: string,
): Promise<string> {
  if (isWholeId(reference)) return reference;
  const held = [...(await heldExchanges(context, previewId))];
  const isHeld = held.some((id) => isIdOf(id, reference));
  const ids = isHeld || !PREFIX.test(reference) ? held : await keptExchanges(context, previewId);
  const items = ids.map((id) => ({ id }));
  const found = findOne(items, reference, {
    nouns: ['exchange', 'exchanges'],
    idOf: ({ id }) => id,
    namesOf: () => [],
    hint:
      'Culvert holds exchanges only while "culvert inspect" or the inspector watches the preview, and keeps them only for ' +
      'previews with --keep. Give at least 8 characters of an id, or more of them if several match.',
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

/** Returns the ids of the exchanges that the preview keeps; none if the deployment keeps no exchanges. */
async function keptExchanges({ api }: CommandContext, previewId: string): Promise<string[]> {
  try {
    const { items } = await firstItems(MAX_KEEP_COUNT, (query) =>
      api.call('listKeptExchanges', { previewId, query }),
    );
    return items.filter(({ kind }) => kind === 'exchange').map(({ id }) => id);
  } catch (error) {
    if (problemCodeOf(error) === 'keeping_not_available') return [];
    throw error;
  }
}
