import { Field } from './field.js';
import type { Fields } from './fields.js';

/**
 * Reports whether trailer line `i` must be dropped instead of forwarded. RFC 9110 §6.5.1: no field that frames, routes,
 * modifies, authenticates or describes a message may follow its content, and a reserved field must not slip in behind it.
 * Every field with an id of its own is of one of these kinds (docs/http1.md §7.3).
 */
export function isForbiddenTrailer(fields: Fields, i: number): boolean {
  return fields.id(i) !== Field.OTHER;
}
