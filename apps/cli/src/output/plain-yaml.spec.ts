import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { plainYaml } from './plain-yaml.js';

const HOSTILE = '\u001b]0;owned\u0007\u001b[2J\r\nSigned in as root\u202e\u009b31m\u2028';

describe(plainYaml.name, () => {
  it.each([
    ['control characters in a value', { name: HOSTILE }],
    ['control characters in a key', { [HOSTILE]: 1 }],
    ['text with a control character in a list', ['a\u0000b', ['\u200e']]],
  ])('escapes %s, and reads back as the same value', (_name, value) => {
    const text = plainYaml(value);
    for (const line of text.split('\n'))
      expect(line).toMatch(/^[^\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]*$/u);
    expect(parse(text)).toEqual(value);
  });

  it.each([
    ['text that looks like another type', { a: 'true', b: '1e3', c: 'null', d: '2030-01-01', e: '' }],
    ['several lines', { a: 'one\ntwo\n', b: '\n' }],
    ['text that begins a document or a comment', { a: '---', b: '# no', c: '- x', d: '{', e: ': ' }],
    ['empty values', { a: [], b: {}, c: null }],
    ['equal objects', [{ a: 1 }, { a: 1 }]],
    ['long text', { a: 'word '.repeat(100) }],
  ])('reads back as the same value: %s', (_name, value) => {
    expect(parse(plainYaml(value))).toEqual(value);
  });

  it('uses no anchors for an object that occurs twice', () => {
    const twice = { id: 1 };
    expect(plainYaml([twice, twice])).toBe('- id: 1\n- id: 1\n');
  });
});
