import type { ChangeEvent } from '@culvert/contract';
import { describe, expect, it } from 'vitest';
import { ChangeLog } from './change-log.js';

const change = (id: string): ChangeEvent => ({
  resource: 'preview',
  id,
  change: 'updated',
  at: '2026-01-01T00:00:00.000Z',
});
const ids = (changes: ReturnType<ChangeLog['since']>) => changes?.map((each) => each.change.id) ?? null;

describe(ChangeLog.name, () => {
  const log = (limits = {}) =>
    new ChangeLog({ maxChangesPerTeam: 3, maxChanges: 100, maxTeams: 10, ...limits });

  it('returns the changes after a given one, and none of other teams', () => {
    const changes = log();
    const start = changes.position('a');
    const first = changes.push('a', change('1'));
    changes.push('b', change('other'));
    const second = changes.push('a', change('2'));
    expect(ids(changes.since('a', start))).toEqual(['1', '2']);
    expect(changes.since('a', first.id)).toEqual([second]);
    expect(changes.since('a', second.id)).toEqual([]);
    expect(changes.position('a')).toBe(second.id);
    expect(changes.since('b', first.id)).toBeNull();
  });

  it('reports when it no longer has all later changes', () => {
    const changes = log();
    const [first, second] = ['1', '2', '3', '4', '5'].map((id) => changes.push('a', change(id)));
    expect(changes.since('a', first.id)).toBeNull();
    expect(ids(changes.since('a', second.id))).toEqual(['3', '4', '5']);
  });

  it('resumes only after positions that it issued itself', () => {
    const changes = log();
    const { id } = changes.push('a', change('1'));
    const epoch = id.slice(0, 16);
    for (const wrong of [
      '',
      'x',
      '1',
      `${epoch}-2`,
      `${epoch}--1`,
      `${epoch}-1 `,
      `${'0'.repeat(16)}-1`,
      `${epoch}-${'9'.repeat(400)}`,
    ])
      expect(changes.since('a', wrong)).toBeNull();
  });

  it('forgets all after a gap', () => {
    const changes = log();
    const { id } = changes.push('a', change('1'));
    changes.clear();
    expect(changes.since('a', id)).toBeNull();
    expect(changes.position('a')).not.toBe(id);
  });

  it('forgets the team that was quiet for longest if there are too many changes or teams', () => {
    const changes = log({ maxChanges: 4 });
    const a = changes.push('a', change('1'));
    const b = changes.push('b', change('2'));
    for (const id of ['3', '4', '5']) changes.push('c', change(id));
    expect(changes.since('a', a.id)).toBeNull();
    expect(ids(changes.since('b', b.id))).toEqual([]);

    const few = log({ maxTeams: 2 });
    const quiet = few.push('a', change('1'));
    few.position('b');
    few.position('c');
    expect(few.since('a', quiet.id)).toBeNull();
  });
});
