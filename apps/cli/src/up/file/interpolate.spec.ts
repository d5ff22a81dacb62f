import { describe, expect, it } from 'vitest';
import { interpolate, literalPart } from './interpolate.js';

const ENV = { A: 'a', EMPTY: '' };

describe('interpolate', () => {
  it.each([
    ['x', 'x'],
    ['${A}${A}', 'aa'],
    ['-${EMPTY}-', '--'],
    ['${NONE:-b c}', 'b c'],
    ['${EMPTY:-b}', 'b'],
    ['${A:-b}', 'a'],
    ['${NONE:-}', ''],
    ['${A:?why}', 'a'],
    ['$$', '$'],
    ['$${A}', '${A}'],
    ['$A $(date) $', '$A $(date) $'],
    ['${NONE:-$A}', '$A'],
  ])('replaces variables: %s', (text, expected) => expect(interpolate(text, ENV)).toBe(expected));

  it.each([
    ['${NONE}', 'NONE is not set'],
    ['${EMPTY:?run make}', 'EMPTY is not set: run make'],
    ['${NONE:?}', 'it is required'],
    ['${A', 'no closing brace'],
    ['${1A}', 'is not a variable'],
    ['${A-b}', 'is not a variable'],
    ['${}', 'is not a variable'],
  ])('refuses %s', (text, message) => expect(() => interpolate(text, ENV)).toThrow(message));

  it('does not replace variables in values of variables', () => {
    expect(interpolate('${A}', { A: '${B}', B: 'secret' })).toBe('${B}');
  });
});

describe('literalPart', () => {
  it.each([
    ['Bearer ${TOKEN}', 'Bearer '],
    ['${TOKEN:?why}', ''],
    ['${TOKEN:-secret}', 'secret'],
    ['$$secret', '$$secret'],
    ['${TOKEN', ''],
  ])('is what does not come from the environment: %s', (text, expected) =>
    expect(literalPart(text)).toBe(expected),
  );
});
