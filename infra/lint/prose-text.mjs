/** What counts as text for people in a source file: shared by the rule `culvert/prose` and by `prose-sample.mjs`. */

/** Comments for tools, which are not prose. */
const DIRECTIVE = /^\s*(?:oxlint|eslint|prettier|@ts-|v8 |c8 |#|\/ <reference)/;

/**
 * Returns the text of a comment in one line, or an empty string when the comment is for tools.
 * @param {string} value the comment without its marks
 */
export function commentText(value) {
  if (DIRECTIVE.test(value)) return '';
  return oneLine(value.replaceAll(/^\s*\*+ ?/gm, ''));
}

/** Returns `text` without line ends and without repeated spaces. */
export function oneLine(text) {
  return text.replaceAll(/\s+/g, ' ').trim();
}

/** Reports whether a string is text for people: it has three words or more. */
export function isForPeople(text) {
  return /\p{L}+[ ,]+\p{L}+[ ,]+\p{L}+/u.test(text);
}
