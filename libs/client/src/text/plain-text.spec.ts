import { describe, expect, it } from 'vitest';
import { plainJson, plainText } from './plain-text.js';

describe('text for a terminal', () => {
  it.each([
    ['an escape sequence', 'a\u001b[31mb', 'a\ufffd[31mb'],
    ['an escape sequence of one character', 'a\u009b31mb', 'a\ufffd31mb'],
    ['a title', '\u001b]0;x\u0007', '\ufffd]0;x\ufffd'],
    ['a line that is not ours', 'a\r\nb\u2028c', 'a\ufffd\ufffdb\ufffdc'],
    ['a deletion', 'a\u0008\u007fb', 'a\ufffd\ufffdb'],
    ['a turn of direction', 'a\u202eb\u2066c', 'a\ufffdb\ufffdc'],
    ['half a character', 'a\ud800b', 'a\ufffdb'],
  ])('cannot hold %s', (_name, text, shown) => {
    expect(plainText(text)).toBe(shown);
  });

  it('keeps letters of all scripts', () => {
    const text = 'Łódź 東京 مرحبا 👩‍💻 é';
    expect(plainText(text)).toBe(text);
  });
});

describe('JSON for a terminal', () => {
  it('keeps its value, and cannot control the terminal', () => {
    const value = { name: 'a\u001b[31m\u009b\u202e\u2028\u007f\ud800', lines: ['a\nb'] };
    const text = plainJson(value);
    expect(JSON.parse(text)).toEqual(value);
    expect(text.replaceAll('\n', '')).toBe(plainText(text.replaceAll('\n', '')));
  });
});
