import { describe, expect, it } from 'vitest';
import { hexDump } from './hex-dump.js';

describe(hexDump.name, () => {
  it('shows offsets, digits and printable characters of 16 bytes in each line', () => {
    const bytes = Buffer.from('\u0000\u00ffHello, inspector!', 'latin1');
    expect(hexDump(bytes.toString('base64')).split('\n')).toEqual([
      '000000  00 ff 48 65 6c 6c 6f 2c 20 69 6e 73 70 65 63 74  ..Hello, inspect',
      `000010  ${'6f 72 21'.padEnd(47)}  or!`,
    ]);
    expect(hexDump('')).toBe('');
  });
});
