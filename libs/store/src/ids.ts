import { v7 } from 'uuid';

/** A new id: a UUID v7, so that ids made later sort later and land together in an index. */
export function newId(): string {
  return v7();
}

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether `text` has the shape of an id. A look-up by anything else finds nothing and need not ask the database. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}
