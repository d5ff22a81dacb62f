/** Times and ids as people read them. Programs get them in full with `--output json`. */

const SHORTEST_ID = 8;
/** End positions of the parts of a UUID. */
const ID_LENGTHS = [SHORTEST_ID, 13, 18, 23] as const;

/** Returns `2030-01-31 12:00`, in the time zone of this machine, or `never` for null. */
export function showTime(moment: string | null): string {
  if (moment === null) return 'never';
  const at = new Date(moment);
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`;
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** Returns `12:00:59`, in the time zone of this machine. */
export function showClock(moment: string): string {
  return new Date(moment).toTimeString().slice(0, 8);
}

const BYTE_UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** Returns a number of bytes in the largest unit of which there is one: `12 MB`, `1.2 MB`. */
export function showBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // 999.5 would be rounded to 1000.
  while (value >= 999.5 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit > 0 && value < 9.95 ? value.toFixed(1) : Math.round(value)} ${BYTE_UNITS[unit]}`;
}

const SPANS = [
  [86_400, 'd'],
  [3600, 'h'],
  [60, 'm'],
] as const;

/** Returns a number of seconds as flags take it: `7d`, `12h`, `90s`. */
export function showSpan(seconds: number): string {
  const [size, unit] = SPANS.find(([each]) => seconds >= each && seconds % each === 0) ?? [1, 's'];
  return `${seconds / size}${unit}`;
}

/** Returns the shortest distinct prefix of each id. Ids begin with their time of creation. */
export function shortIds(ids: readonly string[]): string[] {
  const enough = ID_LENGTHS.find(
    (length) => new Set(ids.map((id) => id.slice(0, length))).size === ids.length,
  );
  return ids.map((id) => id.slice(0, enough));
}

/** Reports whether a reference matches this id: in full, or by a prefix as `shortIds` shows it. */
export function isIdOf(id: string, reference: string): boolean {
  return id === reference || (reference.length >= SHORTEST_ID && id.startsWith(reference.toLowerCase()));
}

function two(part: number): string {
  return String(part).padStart(2, '0');
}
