import { CHANGED_RESOURCES } from '@culvert/terms';
import { describe, expect, it } from 'vitest';
import { changeOfAction } from './resource-change.js';

describe('changeOfAction', () => {
  it('returns what an action did to its target', () => {
    expect(changeOfAction('t', { action: 'preview.end', targetId: 'p' })).toEqual({
      teamId: 't',
      resource: 'preview',
      id: 'p',
      change: 'removed',
    });
  });

  it('ignores actions whose target cannot be watched', () => {
    for (const action of ['user.sign-in', 'program.create', 'toString', ''])
      expect(changeOfAction('t', { action, targetId: 'x' })).toBeNull();
  });

  it.each(CHANGED_RESOURCES.filter((resource) => resource !== 'audit-event'))(
    'knows actions on: %s',
    (resource) => {
      const verbs = ['create', 'add', 'update', 'end', 'delete', 'remove', 'revoke'];
      const changes = verbs.map((verb) =>
        changeOfAction('t', { action: `${resource}.${verb}`, targetId: 'x' }),
      );
      const known = changes.filter((change) => change !== null);
      expect(known).not.toEqual([]);
      for (const change of known) expect(change.resource).toBe(resource);
    },
  );
});
