import { InvalidTextError } from '@culvert/domain';

// Postgres has no NUL in text. A lone surrogate has no UTF-8 form: in text it would silently become U+FFFD, in jsonb
// it is an error.
const UNSTORABLE = /[\0\p{Surrogate}]/u;

/** Whether Postgres can hold exactly this text. A look-up by any other text finds nothing. */
export function isStorable(text: string): boolean {
  return !UNSTORABLE.test(text);
}

/** Throws InvalidTextError when a string anywhere in `value`, keys included, cannot be stored. */
export function assertStorable(value: unknown): void {
  if (typeof value === 'string') {
    if (!isStorable(value)) throw new InvalidTextError();
  } else if (Array.isArray(value)) {
    for (const item of value) assertStorable(item);
  } else if (typeof value === 'object' && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      assertStorable(key);
      assertStorable(item);
    }
  }
}
