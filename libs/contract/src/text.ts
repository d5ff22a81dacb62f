import { z } from 'zod';

// Control characters forge log lines and terminal output, Postgres cannot store NUL, and half a surrogate pair is
// no character: none of them is ever meant.
const NO_CONTROLS = /^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}]*$/u;
const CONTROLS_MESSAGE = 'must not contain control characters';

/** One line of text for people; surrounding space is dropped. */
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

/** A name of something in a cluster. Goes into headers and paths, so its alphabet is small. */
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

/** An id as it comes back from a client: whether it names anything is another question. */
export const id = z
  .string()
  .max(MAX_ID_LENGTH, `must be at most ${MAX_ID_LENGTH} characters long`)
  .regex(/^[\x21-\x7e]+$/, 'must consist of visible ASCII characters');

/** A moment in an answer: UTC, ISO 8601. */
export const timestamp = z.iso.datetime();

/** A moment in a request, later than now. ISO 8601 with an offset. */
export const futureTimestamp = z.iso
  .datetime({ offset: true, error: 'must be a time such as 2030-01-31T12:00:00Z' })
  .max(40, 'must be at most 40 characters long')
  .refine((value) => Date.parse(value) > Date.now(), 'must be in the future');
