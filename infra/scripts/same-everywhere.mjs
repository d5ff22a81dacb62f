// Loaded before a script of the build (`node --import`), so that its output depends only on its input: the clock stands
// still, and random numbers are the same in each run. Only for data that nothing secret is made from.
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';

/** A time before every release, in milliseconds since 1970. */
const NOW_MS = Date.UTC(2025, 0, 1);

globalThis.Date = class extends Date {
  constructor(...args) {
    super(...(args.length === 0 ? [NOW_MS] : args));
  }
  static now() {
    return NOW_MS;
  }
};
performance.now = () => 0;

let state = 1;
/** A linear congruential generator (Numerical Recipes, §7.1): one byte. */
function nextByte() {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state >>> 24;
}

function fill(view) {
  const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
  for (const index of bytes.keys()) bytes[index] = nextByte();
  return view;
}

Math.random = () => nextByte() / 256;
globalThis.crypto.getRandomValues = fill;
crypto.randomFillSync = fill;
crypto.randomBytes = (size) => fill(Buffer.alloc(size));
syncBuiltinESMExports();
