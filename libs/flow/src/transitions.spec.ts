import { describe, expect, it } from 'vitest';
import { following, follows } from './transitions.js';

describe('a table of transitions', () => {
  const table = [following(1, 2), following(2), 0];

  it('allows exactly the transitions of its rows', () => {
    const allowed = [0, 1, 2].flatMap((from) =>
      [0, 1, 2].filter((to) => follows(table, from, to)).map((to) => [from, to]),
    );
    expect(allowed).toEqual([
      [0, 1],
      [0, 2],
      [1, 2],
    ]);
  });

  it('holds the highest state that a machine may have', () => {
    expect(follows([following(30)], 0, 30)).toBe(true);
    expect(follows([following(30)], 0, 29)).toBe(false);
  });
});
