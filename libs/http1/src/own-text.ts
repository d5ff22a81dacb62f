/**
 * Returns an independent copy of a text of a head, for use after its connection. V8 makes a slice of 13 characters or more a
 * reference into the text it was cut from, so that keeping a hostname keeps the whole head.
 * @param text characters up to U+00FF, as all of a head
 */
export function ownText(text: string): string {
  return Buffer.from(text, 'latin1').toString('latin1');
}
