import { v7 } from 'uuid';

/** Returns a new id: a UUID v7, so that later ids sort later and are close together in an index. */
export function newId(): string {
  return v7();
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Reports whether `text` has the form of an id. Lookups of anything else find nothing and need no query. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}
