import { KeyRing } from '@culvert/sealing';
import { describe, expect, it } from 'vitest';
import { ConfigurationError } from './configuration-error.js';
import { loadSettings } from './settings.js';

const [ONE, TWO] = [KeyRing.generate(), KeyRing.generate()];
const keysOf = (ENCRYPTION_KEYS: string) => loadSettings('standalone', { ENCRYPTION_KEYS }).encryptionKeys;

describe('encryption keys', () => {
  it('are separated by commas or lines, and absent by default', () => {
    expect(loadSettings('standalone', {}).encryptionKeys).toEqual([]);
    expect(keysOf(`${ONE}, ${TWO}`)).toEqual([ONE, TWO]);
    expect(keysOf(`${ONE}\r\n${TWO}\n`)).toEqual([ONE, TWO]);
  });

  it.each(['hunter2', `${ONE},hunter2`, ONE.slice(4), Array(17).fill(ONE).join()])(
    'that cannot be used are refused without being quoted',
    (text) => {
      expect(() => keysOf(text)).toThrow(ConfigurationError);
      expect(() => keysOf(text)).toThrow(/ENCRYPTION_KEYS must be one to sixteen keys of 32 bytes/);
      expect(() => keysOf(text)).not.toThrow(/hunter2/);
    },
  );
});
