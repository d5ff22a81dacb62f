import { z } from 'zod';

// Control characters forge log lines and terminal output, Postgres cannot store NUL, and half a surrogate pair is not a
// character. No valid text contains them.
const NO_CONTROLS = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]*$/u;
const CONTROLS_MESSAGE = 'must not contain control characters';

/** One line of text for people. Surrounding space is removed. */
export function text(maxLength: number) {
  return optionalText(maxLength).min(1, 'must not be empty');
}

/** Like `text`, but may be empty. */
export function optionalText(maxLength: number) {
  return z
    .string()
    .trim()
    .max(maxLength, `must be at most ${maxLength} characters long`)
    .regex(NO_CONTROLS, CONTROLS_MESSAGE);
}

/**
 * Matches text without invisible characters (zero-width and filling characters, soft hyphens, tags) and bidirectional
 * marks, which make one name look like another. Emoji keep their joiners and selectors.
 */
const ALL_VISIBLE =
  /^(?:\P{Default_Ignorable_Code_Point}|(?<=\p{Extended_Pictographic})\uFE0F|(?<=[\p{Extended_Pictographic}\p{Emoji_Modifier}\uFE0F])\u200D(?=\p{Extended_Pictographic}))*$/u;
const INVISIBLE = /\p{Default_Ignorable_Code_Point}/gu;

/** A name as other people see it. */
export function name(maxLength: number) {
  return optionalName(maxLength).min(1, 'must not be empty');
}

/** Like `name`, but may be empty. */
export function optionalName(maxLength: number) {
  return optionalText(maxLength).regex(
    ALL_VISIBLE,
    'must not contain characters that are invisible or change the direction of text',
  );
}

/**
 * Returns a name that cannot be corrected by asking its author, such as one from an identity provider, in a form that
 * `name` accepts.
 */
export function visibleName(given: string): string {
  return ALL_VISIBLE.test(given) ? given : given.replace(INVISIBLE, '');
}

/** A name of something in a cluster. It goes into headers and paths, so its alphabet is small. */
export function clusterName(maxLength: number) {
  return z
    .string()
    .min(1, 'must not be empty')
    .max(maxLength, `must be at most ${maxLength} characters long`)
    .regex(
      /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/,
      'must consist of letters, digits, ".", "_" and "-", with a letter or digit at both ends',
    );
}

const MAX_ID_LENGTH = 300;

/** An ID as a client sends it. Whether it exists is checked later. */
export const id = z
  .string()
  .max(MAX_ID_LENGTH, `must be at most ${MAX_ID_LENGTH} characters long`)
  .regex(/^[\x21-\x7e]+$/, 'must consist of visible ASCII characters');

/** A moment in a response: UTC, ISO 8601. */
export const timestamp = z.iso.datetime();

/** A future moment in a request. ISO 8601 with an offset. */
export const futureTimestamp = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2030-01-31T12:00:00Z' })
  .max(40, 'must be at most 40 characters long')
  .refine((value) => Date.parse(value) > Date.now(), 'must be in the future');
