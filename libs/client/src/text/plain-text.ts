/**
 * Characters that could control a terminal or disguise text: control characters (escape sequences begin with one), line
 * separators, and marks that change the writing direction.
 */
const UNSAFE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Returns one line of text that is safe to show on a terminal, whether a cluster, a visitor or a server wrote it. */
export function plainText(text: string): string {
  return text.replace(UNSAFE, '\ufffd');
}

/** Returns text of several lines that is safe to show on a terminal. Tabs stay. */
export function plainLines(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(UNSAFE, (character) => (/[\n\t]/.test(character) ? character : '\ufffd'));
}

/** Reports whether `plainText` would change a text that may have several lines. */
export function hasUnsafe(text: string): boolean {
  return text.replaceAll('\n', '').search(UNSAFE) >= 0;
}

/** Writes unsafe characters, except line breaks, as `\uXXXX`: valid within the quoted text of JSON and YAML. */
export function escapeUnsafe(text: string): string {
  return text.replace(UNSAFE, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Spells the same JSON value so that it is safe to show on a terminal. JSON.stringify escapes C0 characters only. */
export function plainJson(value: unknown): string {
  return escapeUnsafe(JSON.stringify(value, null, 2));
}
