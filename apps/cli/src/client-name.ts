import { hostname, userInfo } from 'node:os';
import { plainText } from './output/plain-text.js';

const MAX_LENGTH = 255;

/** Who this is, as Culvert and clusters show it to people: `ann@laptop`. */
export function clientName(): string {
  return plainText(`${userName()}@${hostname()}`).slice(0, MAX_LENGTH);
}

/** A user id need not have a name, as in containers. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? 0}`;
  }
}
