/**
 * Returns a copy of a text of a head that refers to nothing else. V8 makes a slice of 13 characters or more a reference into
 * the text it was cut from, so that keeping a hostname keeps the whole head. For what outlives its connection.
 * @param text characters up to U+00FF, as all of a head
 */
export function ownText(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
