/** Limit of a word that is compared: the time grows with the product of both lengths. */
const MAX_LENGTH = 64;

/**
 * Returns the word that was probably meant: the one with the fewest changed characters, if at most a third of the given
 * characters differ. Returns null if no word is that close.
 */
export function closest(given: string, words: Iterable<string>): string | null {
  if (given.length > MAX_LENGTH) return null;
  let best: string | null = null;
  let least = Math.max(1, Math.floor(given.length / 3)) + 1;
  for (const word of words) {
    const distance = distanceOf(given.toLowerCase(), word.toLowerCase());
    if (distance >= least) continue;
    best = word;
    least = distance;
  }
  return best;
}

/** Returns the number of characters to insert, remove or replace (the Levenshtein distance). */
function distanceOf(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
