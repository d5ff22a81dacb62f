import { readFileSync } from 'node:fs';
import { KeyRing } from '@culvert/sealing';
import type { ConfigurationProblem } from './configuration-error.js';
import { splitList } from './secrets.js';
import { type Values, VARIABLES } from './variables.js';

/** Returns the texts of the keys, checked; empty if none is configured. Adds what is wrong to `problems`. */
export function readEncryptionKeys(values: Values, problems: ConfigurationProblem[]): readonly string[] {
  const { ENCRYPTION_KEYS: inline, ENCRYPTION_KEY_FILE: file } = values;
  if (inline !== undefined && file !== undefined)
    problems.push({ variable: 'ENCRYPTION_KEYS', expected: 'absent when ENCRYPTION_KEY_FILE is set' });
  if (inline === undefined && file === undefined) return [];
  const text = inline ?? readFile(file ?? '', problems);
  if (text === null) return [];
  const keys = splitList(text.replace(/[\r\n]+/g, ','));
  if (KeyRing.parse(keys) !== null) return keys;
  problems.push({
    variable: inline === undefined ? 'ENCRYPTION_KEY_FILE' : 'ENCRYPTION_KEYS',
    expected:
      inline === undefined
        ? 'a file with one to sixteen keys of 32 bytes in base64, one on each line'
        : (VARIABLES.ENCRYPTION_KEYS.description ?? ''),
  });
  return [];
}

function readFile(path: string, problems: ConfigurationProblem[]): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    problems.push({ variable: 'ENCRYPTION_KEY_FILE', expected: 'the path of a readable file', got: path });
    return null;
  }
}
