import { AUDIT_ACTIONS } from '@culvert/contract';
import { describe, expect, it } from 'vitest';
import { summaryOf, type ToldEvent } from './audit-sentences.js';

const event: ToldEvent = {
  actor: { kind: 'user', id: 'u1', name: 'Ann', address: null },
  targetId: '01a22b8d',
  targetName: 'staging',
  before: null,
  after: null,
};

describe(summaryOf.name, () => {
  it.each(AUDIT_ACTIONS)('describes %s in words, also if nothing else was recorded', (action) => {
    const summary = summaryOf({ ...event, action });
    expect(summary).toMatch(/^[a-z]+ed? |^(sent|gave|left|read|set) /);
    expect(summary).not.toContain(action);
    expect(summary).not.toMatch(/undefined|null|  | $|01a22b8d/);
  });

  it('shows the ID of a target without a name, and the name of an unknown kind', () => {
    expect(summaryOf({ ...event, targetName: null, action: 'api-key.revoke' })).toBe(
      'revoked the key "01a22b8d"',
    );
    expect(summaryOf({ ...event, action: 'robot.build' })).toBe('did robot.build on "staging"');
  });

  it.each([
    [
      'member.update',
      { role: 'member' },
      { role: 'admin' },
      'changed the role of "staging" from member to admin',
    ],
    ['team.update', { name: 'A' }, { name: 'B "2"' }, 'renamed the team "A" to "B "2""'],
    [
      'team.update',
      { previewIdleExpirySeconds: null },
      { previewIdleExpirySeconds: 600 },
      'changed preview idle expiry seconds of the team "staging" from none to 600',
    ],
    [
      'preview.update',
      { expiresAt: null },
      { expiresAt: '2030-01-31T12:00:00.000Z' },
      'changed the expiry of the preview "staging" from none to "2030-01-31T12:00:00.000Z"',
    ],
    [
      'preview.update',
      { displayBanner: true, addRequestHeaders: {} },
      { displayBanner: false, addRequestHeaders: {} },
      'changed the banner and added request headers of the preview "staging"',
    ],
    ['preview.update', { ingress: {} }, { ingress: {} }, 'changed ingress of the preview "staging"'],
    ['preview.end', null, { reason: 'unused' }, 'ended the preview "staging": it was unused for too long'],
    ['preview.replay', null, { method: 'GET', path: '/a' }, 'sent GET /a to the preview "staging"'],
    [
      'api-key.revoke',
      null,
      { becauseOfMember: 'u2', member: 'ben@example.test' },
      'revoked the key "staging": ben@example.test no longer has permission for it',
    ],
    [
      'traffic-manager.refuse',
      { clusterId: 'east', remoteAddress: '192.0.2.7' },
      { clusterId: 'west', remoteAddress: '198.51.100.2' },
      'refused a traffic manager of the cluster west at 198.51.100.2: the traffic manager "staging" of the cluster east at 192.0.2.7 has the same ID',
    ],
    ['member.add', null, { role: 'member' }, 'added "staging" to the team as member'],
  ] as const)('describes %s with previous and new values', (action, before, after, summary) => {
    expect(summaryOf({ ...event, action, before, after })).toBe(summary);
  });

  it('distinguishes joining and leaving from being added and removed', () => {
    const self = { ...event, targetId: 'u1' };
    expect(summaryOf({ ...self, action: 'member.add', after: { role: 'admin' } })).toBe(
      'joined the team as admin',
    );
    expect(summaryOf({ ...self, action: 'member.remove' })).toBe('left the team');
  });
});
