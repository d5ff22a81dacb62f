import { KeyRing } from '@culvert/sealing';
import type { ConfigurationProblem } from './configuration-error.js';
import { splitList } from './secrets.js';
import { type Values, VARIABLES } from './variables.js';

/** Returns the texts of the keys, checked; empty if none is configured. Adds what is wrong to `problems`. */
export function readEncryptionKeys(
  { ENCRYPTION_KEYS: text }: Values,
  problems: ConfigurationProblem[],
): readonly string[] {
  if (text === undefined) return [];
  const keys = splitList(text.replace(/[\r\n]+/g, ','));
  if (KeyRing.parse(keys) !== null) return keys;
  problems.push({ variable: 'ENCRYPTION_KEYS', expected: VARIABLES.ENCRYPTION_KEYS.description ?? '' });
  return [];
}
