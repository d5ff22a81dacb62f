import { describe, expect, it } from 'vitest';
import type { HeaderRule } from './header-rule.js';
import { InterceptTable } from './intercept-table.js';
import type { HeaderLines, TableEntry } from './intercept-table.js';

function lines(...fields: readonly (readonly [string, string])[]): HeaderLines {
  return {
    count: fields.length,
    isNamed: (i, name) => fields[i][0].toLowerCase() === name,
    value: (i) => fields[i][1],
  };
}

function entry(id: string, ...headers: HeaderRule[]): TableEntry {
  return { id, headers, acceptedIds: [id] };
}

describe('the table of intercepts', () => {
  it('finds a request by a value, whatever the case of the name', () => {
    const table = new InterceptTable([entry('a', { name: 'x-dev', value: 'alice' })]);
    expect(table.find(lines(['host', 'web'], ['X-Dev', 'alice']))).toBe('a');
    expect(table.find(lines(['x-dev', 'Alice']))).toBeNull();
    expect(table.find(lines(['x-dev', 'alice2']))).toBeNull();
    expect(table.find(lines(['host', 'web']))).toBeNull();
  });

  it('matches a pattern against the whole value', () => {
    const table = new InterceptTable([entry('a', { name: 'x-dev', pattern: 'ali(ce)?' })]);
    expect(table.find(lines(['x-dev', 'ali']))).toBe('a');
    expect(table.find(lines(['x-dev', 'alice']))).toBe('a');
    expect(table.find(lines(['x-dev', 'alices']))).toBeNull();
    expect(table.find(lines(['x-dev', 'malice']))).toBeNull();
  });

  it('requires every rule of an intercept to match', () => {
    const table = new InterceptTable([
      entry('a', { name: 'x-dev', value: 'alice' }, { name: 'x-branch', pattern: 'f.*' }),
    ]);
    expect(table.find(lines(['x-dev', 'alice'], ['x-branch', 'feature']))).toBe('a');
    expect(table.find(lines(['x-dev', 'alice']))).toBeNull();
    expect(table.find(lines(['x-dev', 'alice'], ['x-branch', 'main']))).toBeNull();
  });

  it('accepts one match among several headers of a name', () => {
    const table = new InterceptTable([entry('a', { name: 'x-dev', value: 'alice' })]);
    expect(table.find(lines(['x-dev', 'bob'], ['x-dev', 'alice']))).toBe('a');
  });

  it('gives a request to the intercept with more rules, then to the older one', () => {
    const table = new InterceptTable([
      entry('old', { name: 'x-dev', pattern: 'a.*' }),
      entry('new', { name: 'x-dev', value: 'alice' }),
      entry('exact', { name: 'x-dev', value: 'alice' }, { name: 'x-b', value: '1' }),
    ]);
    expect(table.find(lines(['x-dev', 'alice']))).toBe('old');
    expect(table.find(lines(['x-dev', 'alice'], ['x-b', '1']))).toBe('exact');
  });

  it('finds a request by an accepted id, with or without rules', () => {
    const table = new InterceptTable([
      { id: 'a', headers: [], acceptedIds: ['a', 'cloud:a'] },
      { id: 'b', headers: [{ name: 'x-dev', value: 'bob' }], acceptedIds: ['b'] },
    ]);
    expect(table.find(lines(['X-Telepresence-Intercept-Id', 'cloud:a']))).toBe('a');
    expect(table.find(lines(['x-telepresence-intercept-id', 'b']))).toBe('b');
    expect(table.find(lines(['x-telepresence-intercept-id', 'c']))).toBeNull();
    expect(table.find(lines(['host', 'web']))).toBeNull();
  });

  it('reports that it is empty without intercepts', () => {
    expect(new InterceptTable([]).isEmpty).toBe(true);
    expect(new InterceptTable([]).find(lines(['x-dev', 'alice']))).toBeNull();
  });

  // Backtracking engines take exponential time for each of these; RE2's automata are largest for the third.
  it.each(['(a+)+!', '(a|aa)*b', '(a|b)*a(a|b){30}', '(?:a?){30}a{30}', '(.*)*(.*)*x'])(
    'is not stalled by %s and hostile values',
    (pattern) => {
      const table = new InterceptTable(
        Array.from({ length: 64 }, (_, i) => entry(String(i), { name: 'x', pattern })),
      );
      const values = ['a'.repeat(32_000), 'ab'.repeat(16_000), 'a'.repeat(500), `${'aab'.repeat(150)}!`];
      const before = performance.now();
      for (const value of values) table.find(lines(['x', value]));
      // Milliseconds on any machine; a backtracking engine would not return before the test run ends.
      expect(performance.now() - before).toBeLessThan(5000);
    },
  );

  it('stops matching patterns of a request that takes too many steps, and counts it', () => {
    const table = new InterceptTable([
      entry('pattern', { name: 'x', pattern: '(a|b)*' }),
      entry('value', { name: 'y', value: '1' }),
    ]);
    expect(table.find(lines(['x', 'a'.repeat(100_000)]))).toBeNull();
    expect(table.exhausted).toBe(1);
    expect(table.find(lines(['x', 'a'.repeat(100_000)], ['y', '1']))).toBe('value');
    expect(table.find(lines(['x', 'ab']))).toBe('pattern');
    expect(table.exhausted).toBe(2);
  });
});
