/** Moments and ids as people read them. Programs get them whole, by `--output json`. */

const SHORTEST_ID = 8;
/** Ends of the parts of a UUID. */
const ID_LENGTHS = [SHORTEST_ID, 13, 18, 23] as const;

/** `2030-01-31 12:00`, in the time zone of this machine; `never` for none. */
export function showTime(moment: string | null): string {
  if (moment === null) return 'never';
  const at = new Date(moment);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** What is enough of each id to tell it from the others. They begin with the time at which they were made. */
export function shortIds(ids: readonly string[]): string[] {
  const enough = ID_LENGTHS.find(
    (length) => new Set(ids.map((id) => id.slice(0, length))).size === ids.length,
  );
  return ids.map((id) => id.slice(0, enough));
}

/** Whether a person may mean this id: the whole of it, or a beginning as `shortIds` shows it. */
export function isIdOf(id: string, reference: string): boolean {
  return id === reference || (reference.length >= SHORTEST_ID && id.startsWith(reference.toLowerCase()));
}

function two(part: number): string {
  return String(part).padStart(2, '0');
}
