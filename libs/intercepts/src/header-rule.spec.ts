import { describe, expect, it } from 'vitest';
import { checkRules, parseHeaderFlag, sameRules, showRule } from './header-rule.js';
import type { HeaderRule } from './header-rule.js';
import { RuleError } from './rule-error.js';

const value = (name: string, text: string): HeaderRule => ({ name, value: text });
const pattern = (name: string, text: string): HeaderRule => ({ name, pattern: text });

describe('header rules', () => {
  it('are accepted with their names in lower case', () => {
    expect(checkRules([value('X-Dev', 'Alice'), pattern('x-branch', 'feature/.*')])).toEqual([
      value('x-dev', 'Alice'),
      pattern('x-branch', 'feature/.*'),
    ]);
  });

  it.each([
    ['a name with a space', value('x dev', 'a')],
    ['a name of 129 characters', value('x'.repeat(129), 'a')],
    ['a field that frames the message', value('Content-Length', '1')],
    ['a field that changes on every hop', value('Connection', 'close')],
    ['an empty value', value('x', '')],
    ['a value with spaces around it', value('x', ' a')],
    ['a value with a line break', value('x', 'a\r\nb: c')],
    ['a value of 1025 characters', value('x', 'a'.repeat(1025))],
    ['an empty pattern', pattern('x', '')],
    ['a pattern of 257 characters', pattern('x', 'a'.repeat(257))],
    ['a pattern that is not closed', pattern('x', '(a')],
    ['lookahead', pattern('x', '(?=a)')],
    ['a backreference', pattern('x', '(a)\\1')],
    ['a program above 128 steps', pattern('x', '(?:a|bc){100}')],
    ['repetition of repetition', pattern('x', '((a{100}){100}){100}')],
  ])('refuse %s', (_, rule) => {
    expect(() => checkRules([rule])).toThrow(RuleError);
  });

  it('refuse a ninth rule, and a repeated one', () => {
    const nine = Array.from({ length: 9 }, (_, i) => value(`x-${i}`, 'a'));
    expect(() => checkRules(nine)).toThrow('at most 8');
    expect(checkRules(nine.slice(1))).toHaveLength(8);
    expect(() => checkRules([value('x', 'a'), value('X', 'a')])).toThrow('x=a is given twice');
  });

  it('never repeat control characters in errors', () => {
    expect(() => checkRules([value('x\u001b[2J', 'a')])).toThrow('"x?[2J"');
  });

  it('are equal as sets in any order and case of names', () => {
    expect(sameRules([value('a', '1'), pattern('b', 'c+')], [pattern('B', 'c+'), value('A', '1')])).toBe(
      true,
    );
    expect(sameRules([value('a', '1')], [value('a', '2')])).toBe(false);
    expect(sameRules([value('a', '1')], [pattern('a', '1')])).toBe(false);
    expect(sameRules([value('a', '1')], [])).toBe(false);
  });
});

describe('a header on the command line', () => {
  it.each([
    ['x-dev=alice', value('x-dev', 'alice')],
    ['test-telepresence=1', value('test-telepresence', '1')],
    ['X-Version=1.2.3', value('x-version', '1.2.3')],
    ['x-query=a=b', value('x-query', 'a=b')],
    ['x-dev=al.*', pattern('x-dev', 'al.*')],
    ['x-dev=(alice|bob)', pattern('x-dev', '(alice|bob)')],
    ['auto', null],
  ])('%s is parsed', (flag, rule) => {
    expect(parseHeaderFlag(flag)).toEqual(rule);
  });

  it.each(['x-dev', '=alice', '', 'x-dev=', 'x dev=a', 'x-dev=(a'])('"%s" is refused', (flag) => {
    expect(() => parseHeaderFlag(flag)).toThrow(RuleError);
  });

  it('is shown so that a pattern is distinguishable from a value', () => {
    expect(showRule(value('x-dev', 'alice'))).toBe('x-dev=alice');
    expect(showRule(pattern('x-dev', 'al.*'))).toBe('x-dev=~al.*');
  });
});
