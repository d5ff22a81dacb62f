/**
 * What could make a terminal do something, or show a text as another: control characters (escape sequences begin with
 * one), separators of lines, and marks that turn the direction of writing.
 */
const UNSAFE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** One line of text that a terminal shows as it is, whoever wrote it: clusters, visitors, servers. */
export function plainText(text: string): string {
  return text.replace(UNSAFE, '\ufffd');
}

/** The same JSON value, spelled so that a terminal shows it as it is. JSON.stringify escapes C0 characters alone. */
export function plainJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(UNSAFE, (character) =>
    character === '\n' ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
