import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import { isIdOf } from '../output/readable.js';

/** How items of one kind are named on a command line and in messages. */
export interface Naming<Item> {
  /** Noun of one item and of several: `['member', 'members']`. */
  readonly nouns: readonly [one: string, several: string];
  readonly idOf: (item: Item) => string;
  /** Names that a person may type besides the id. */
  readonly namesOf: (item: Item) => readonly string[];
  /** What to do if no item, or more than one, has that name. */
  readonly hint: string;
}

/**
 * Finds the item that a reference names: by its id, by a prefix of the id as lists show it, or by a name.
 * @throws CliError `notFound` if there is none, `usage` if there are several
 */
export function findOne<Item>(items: readonly Item[], reference: string, naming: Naming<Item>): Item {
  const byId = items.filter((item) => isIdOf(naming.idOf(item), reference));
  if (byId[0] !== undefined && byId.length === 1) return byId[0];
  const named = items.filter((item) => naming.namesOf(item).includes(reference));
  if (named[0] !== undefined && named.length === 1) return named[0];
  const [one, several] = naming.nouns;
  const count = Math.max(named.length, byId.length);
  const [exitCode, message] =
    count === 0
      ? ([EXIT.notFound, `your team has no ${one} ${reference}`] as const)
      : ([EXIT.usage, `your team has ${count} ${several} that match ${reference}`] as const);
  throw new CliError(exitCode, message, { hint: naming.hint });
}

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Reports whether a reference is an id in full, so that no list needs to be searched for it. */
export function isWholeId(reference: string): boolean {
  return ID.test(reference);
}
