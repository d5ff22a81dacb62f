import type { Session } from '@culvert/domain';
import { beforeEach, describe, expect, it } from 'vitest';
import { KnownManagers, MAX_UNCHECKED_MS } from './known-managers.js';
import type { TunnelOwner } from './tunnel-credentials.js';

const KEY: TunnelOwner = { teamId: 't1', credential: { kind: 'api-key', apiKeyId: 'k1' } };
const PROGRAM: TunnelOwner = { teamId: 't1', credential: { kind: 'program', programId: 'p1', userId: 'u1' } };
const IDENTITY = { managerId: 'm1', clusterId: 'east' };
const SESSION = { id: 's1', teamId: 't1', trafficManagerId: 'tm1' } as Session;

let time: number;
let known: KnownManagers;

beforeEach(() => {
  time = 0;
  known = new KnownManagers(() => time);
  known.rememberCredential('hash', KEY, null, known.changes);
  known.rememberCredential('token', PROGRAM, null, known.changes);
  known.rememberSession(IDENTITY, SESSION, known.changes);
});

const usable = () => [known.findOwner('hash'), known.findOwner('token'), known.findSession('t1', IDENTITY)];

describe(KnownManagers.name, () => {
  it('knows what was checked, under its hash, team, manager id and cluster only', () => {
    expect(usable()).toEqual([KEY, PROGRAM, SESSION]);
    expect(known.findOwner('other')).toBeNull();
    expect(known.findSession('t2', IDENTITY)).toBeNull();
    expect(known.findSession('t1', { ...IDENTITY, managerId: 'm2' })).toBeNull();
    expect(known.findSession('t1', { ...IDENTITY, clusterId: 'west' })).toBeNull();
    expect(known.findSession('t1', { ...IDENTITY, clusterId: '' })).toBeNull();
  });

  it('uses nothing whose last check is too long ago', () => {
    time = MAX_UNCHECKED_MS;
    expect(usable()).toEqual([KEY, PROGRAM, SESSION]);
    time++;
    expect(usable()).toEqual([null, null, null]);
    known.confirmCredentials(new Set(['k1']), time);
    known.confirmSessions(new Set(['s1']), time);
    expect(usable()).toEqual([KEY, null, SESSION]);
  });

  it('does not use a credential beyond its expiry', () => {
    known.rememberCredential('hash', KEY, new Date(Date.now() - 1), known.changes);
    expect(known.findOwner('hash')).toBeNull();
  });

  it('forgets a revoked credential and an ended session at once, and a later check does not revive them', () => {
    known.forgetCredentials(new Set(['k1']));
    known.forgetSession('s1');
    known.confirmCredentials(new Set(['k1']), time);
    known.confirmSessions(new Set(['s1']), time);
    expect(usable()).toEqual([null, PROGRAM, null]);
  });

  it('uses a person’s programs only after another check, once something of that person has changed', () => {
    time = 1;
    known.suspectUser('u1');
    expect(usable()).toEqual([KEY, null, SESSION]);
    known.confirmCredentials(new Set(['p1']), 0);
    expect(known.findOwner('token')).toBeNull();
    known.confirmCredentials(new Set(['p1']), 2);
    expect(known.findOwner('token')).toEqual(PROGRAM);
  });

  // One team that ended a program during each check let the credentials of all others grow too old.
  it('lets the change of a person undo no check of anything else', () => {
    time = MAX_UNCHECKED_MS;
    const checkedAt = time;
    time++;
    known.suspectUser('u2');
    known.confirmCredentials(new Set(['k1', 'p1']), checkedAt);
    known.confirmSessions(new Set(['s1']), checkedAt);
    expect(usable()).toEqual([KEY, PROGRAM, SESSION]);
  });

  it('lets no check from before a change confirm what was looked up during the change', () => {
    const { changes } = known;
    time = 2;
    known.suspectUser('u1');
    known.rememberCredential('token', PROGRAM, null, changes);
    known.confirmCredentials(new Set(['p1']), 1);
    expect(known.findOwner('token')).toBeNull();
    known.confirmCredentials(new Set(['p1']), 3);
    expect(known.findOwner('token')).toEqual(PROGRAM);
  });

  it('uses nothing that a check from before lost events has confirmed', () => {
    time = 5;
    known.suspectAll();
    known.confirmCredentials(new Set(['k1', 'p1']), 5);
    known.confirmSessions(new Set(['s1']), 5);
    expect(usable()).toEqual([null, null, null]);
    known.confirmCredentials(new Set(['k1', 'p1']), 6);
    known.confirmSessions(new Set(['s1']), 6);
    expect(usable()).toEqual([KEY, PROGRAM, SESSION]);
  });

  it('waits for a check of what the store was asked for while something changed', () => {
    const { changes } = known;
    known.forgetCredentials(new Set(['k2']));
    known.rememberCredential('hash', KEY, null, changes);
    known.rememberSession(IDENTITY, SESSION, changes);
    expect(usable()).toEqual([null, PROGRAM, null]);
    known.confirmCredentials(new Set(['k1']), 1);
    expect(known.findOwner('hash')).toEqual(KEY);
  });

  it('remembers a limited number, and drops what was remembered or confirmed first', () => {
    for (let i = 0; i < 9_998; i++) remember('t1', i);
    known.confirmCredentials(new Set(['k1']), time);
    known.confirmSessions(new Set(['s1']), time);
    remember('t1', 9_998);
    expect(usable()).toEqual([KEY, null, SESSION]);
    for (let i = 0; i < 10_000; i++) remember('t1', i);
    expect(usable()).toEqual([null, null, null]);
    expect(known.findOwner('hash of t1 9999')).not.toBeNull();
  });

  // A team that went through many manager ids pushed out the traffic managers of all others.
  it('drops nothing of a team while another one has more', () => {
    for (let i = 0; i < 30_000; i++) remember('t2', i);
    expect(usable()).toEqual([KEY, PROGRAM, SESSION]);
    expect(known.findOwner('hash of t2 29999')).not.toBeNull();
    expect(known.findOwner('hash of t2 0')).toBeNull();
  });
});

/** Remembers a credential and a session of a team. */
function remember(teamId: string, i: number): void {
  const owner: TunnelOwner = { teamId, credential: { kind: 'api-key', apiKeyId: `${teamId} ${i}` } };
  known.rememberCredential(`hash of ${teamId} ${i}`, owner, null, known.changes);
  const session = { ...SESSION, id: `${teamId} ${i}`, teamId };
  known.rememberSession({ ...IDENTITY, managerId: `m ${i}` }, session, known.changes);
}
