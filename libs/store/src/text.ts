import { InvalidTextError } from '@culvert/domain';

// Postgres has no NUL in text. A lone surrogate has no UTF-8 form: in text it would silently become U+FFFD, in jsonb
// it is an error.
const UNSTORABLE = /[\0\p{Surrogate}]/u;

/** Reports whether Postgres can hold exactly this text. Lookups of any other text find nothing. */
export function isStorable(text: string): boolean {
  return !UNSTORABLE.test(text);
}

/** Throws InvalidTextError if a string anywhere in `value`, keys included, cannot be stored. */
export function assertStorable(value: unknown): void {
  if (typeof value === 'string') {
    if (!isStorable(value)) throw new InvalidTextError();
  } else if (Array.isArray(value)) {
    for (const item of value) assertStorable(item);
  } else if (typeof value === 'object' && value !== null && !ArrayBuffer.isView(value)) {
    for (const [key, item] of Object.entries(value)) {
      assertStorable(key);
      assertStorable(item);
    }
  }
}
