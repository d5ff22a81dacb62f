export { DataKey } from './data-key.js';
export { KEY_BYTES, KeyRing, MAX_KEYS, type SealedSecret } from './key-ring.js';
export { SealBrokenError, UnknownKeyError } from './sealing-errors.js';
