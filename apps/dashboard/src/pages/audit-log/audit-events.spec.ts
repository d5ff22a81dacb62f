import { describe, expect, it } from 'vitest';
import { AUDIT_ACTIONS } from '@culvert/contract';
import { actionLabel, ACTIONS, changedFields, matchesAction, NO_FILTER, queryOf } from './audit-events.js';

describe('the filter of audit events', () => {
  it('requests no filter that was not chosen', () => {
    expect(queryOf(NO_FILTER)).toEqual({});
  });

  it('requests whole days in the browser’s time zone, including the last one', () => {
    const { from, until } = queryOf({ ...NO_FILTER, from: '2026-02-27', until: '2026-02-28' });
    expect(from).toBe(new Date(2026, 1, 27).toISOString());
    expect(until).toBe(new Date(2026, 2, 1).toISOString());
  });

  it('shows previous and new values of fields, also if only one of them exists', () => {
    expect(changedFields({ before: { name: 'a', gone: 1 }, after: { name: 'b', scopes: ['x'] } })).toEqual([
      { field: 'gone', before: '1', after: '–' },
      { field: 'name', before: 'a', after: 'b' },
      { field: 'scopes', before: '–', after: '["x"]' },
    ]);
    expect(changedFields({ before: null, after: null })).toEqual([]);
  });

  it('offers every kind of event of the contract, each with its own label', () => {
    expect(ACTIONS.toSorted()).toEqual([...AUDIT_ACTIONS].toSorted());
    expect(new Set(ACTIONS.map(actionLabel)).size).toBe(ACTIONS.length);
  });

  it('finds kinds of events by name and label, and shows an unknown one by its name', () => {
    const found = (text: string): string[] => ACTIONS.filter((action) => matchesAction(action, text));
    expect(found('preview.rest')).toEqual(['preview.restore']);
    expect(found(' Key Rot')).toEqual(['api-key.rotate']);
    expect(found('')).toEqual(ACTIONS);
    expect(found('nothing of the kind')).toEqual([]);
    expect(actionLabel('robot.build')).toBe('robot.build');
  });
});
