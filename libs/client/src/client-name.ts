import { hostname, userInfo } from 'node:os';
import { plainText } from './text/plain-text.js';

const MAX_LENGTH = 255;

/** Returns the name of this person and machine that Culvert and clusters show to people: `ann@laptop`. */
export function clientName(): string {
  return plainText(`${userName()}@${hostname()}`).slice(0, MAX_LENGTH);
}

/** A user id need not have a name, for example in containers. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? 0}`;
  }
}
