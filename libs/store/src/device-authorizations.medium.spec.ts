import { randomUUID } from 'node:crypto';
import {
  CODE_LIFETIME_MS,
  DEVICE_CODE_LIFETIME_MS,
  DEVICE_POLL_INTERVAL_SECONDS,
  DEVICE_QUIET_INTERVALS,
  DEVICE_REISSUE_MS,
  hashOAuthSecret,
  judgeRefreshToken,
  MAX_DEVICE_POLL_INTERVAL_SECONDS,
  type DeviceAuthorizationDraft,
} from '@culvert/domain';
import { createTestDatabase } from '@culvert/testkit';
import { beforeEach, expect, it } from 'vitest';
import { describeOnEveryDatabase } from './spec/databases.js';

const start = new Date('2026-01-01T00:00:00Z');
const later = (ms: number) => new Date(start.getTime() + ms);
const INTERVAL_MS = DEVICE_POLL_INTERVAL_SECONDS * 1000;
const ROOM = { maxOpen: 1000 };
const CULVERT = 'culvert';

describeOnEveryDatabase('a request of a machine without a browser', createTestDatabase, (context) => {
  let teamId: string;
  let userId: string;
  let draft: DeviceAuthorizationDraft;

  const draftWith = (change: Partial<DeviceAuthorizationDraft> = {}): DeviceAuthorizationDraft => ({
    deviceCodeHash: hashOAuthSecret(randomUUID()),
    userCodeHash: hashOAuthSecret(randomUUID()),
    clientId: CULVERT,
    deviceName: 'build-7',
    address: '192.0.2.1',
    at: start,
    ...change,
  });
  const tokens = () => ({
    accessTokenHash: hashOAuthSecret(randomUUID()),
    refreshTokenHash: hashOAuthSecret(randomUUID()),
  });
  const devices = () => context.store.deviceAuthorizations;
  const poll = (ms: number, issued = tokens()) =>
    devices().poll({ deviceCodeHash: draft.deviceCodeHash, clientId: CULVERT }, issued, later(ms));
  const approve = (ms = 1000) => devices().approve(teamId, userId, draft.userCodeHash, later(ms));
  const remove = (ms: number) => devices().removeExpired(later(ms));
  const person = async (): Promise<string> => {
    const id = randomUUID();
    await context.pool.query('INSERT INTO "user" (id, email, name, created_at) VALUES ($1, $2, $3, now())', [
      id,
      `${id}@example.test`,
      'Ada',
    ]);
    return id;
  };

  beforeEach(async () => {
    await context.pool.query('DELETE FROM device_authorization');
    teamId = (await context.store.teams.create('a team')).id;
    userId = await person();
    await context.pool.query(
      "INSERT INTO membership (team_id, user_id, role, created_at) VALUES ($1, $2, 'member', now())",
      [teamId, userId],
    );
    draft = draftWith();
    expect(await devices().create(draft, ROOM)).toBe('created');
  });

  it('waits for a person, who sees what asks and from where', async () => {
    expect(await poll(0)).toEqual({ outcome: 'pending' });
    expect(await devices().findPending(draft.userCodeHash, start)).toEqual({
      clientId: CULVERT,
      deviceName: 'build-7',
      address: '192.0.2.1',
      createdAt: start,
      expiresAt: later(DEVICE_CODE_LIFETIME_MS),
    });
    expect(await devices().findPending(draft.deviceCodeHash, start)).toBeNull();
  });

  it('gets tokens at the next poll after a person approved it, as a program of that person', async () => {
    const program = await approve();
    expect(program).toMatchObject({ teamId, userId, clientId: CULVERT, lastUsedAt: null });
    const issued = tokens();
    expect(await poll(6000, issued)).toEqual({ outcome: 'issued', program });
    const owner = await context.store.programs.findByAccessTokenHash(issued.accessTokenHash, later(7000));
    expect(owner).toMatchObject({ program: { teamId, userId }, role: 'member' });
    expect(await context.store.programs.findByRefreshTokenHash(issued.refreshTokenHash)).toMatchObject({
      supersededAt: null,
    });
  });

  it('gets one pair of tokens, however many polls come at once', async () => {
    await approve();
    const polls = await Promise.all(Array.from({ length: 5 }, () => poll(6000)));
    for (const [outcome, times] of [
      ['issued', 1],
      ['too_early', 4],
    ] as const)
      expect(polls.filter((answer) => answer?.outcome === outcome)).toHaveLength(times);
    const { rows } = await context.pool.query(
      'SELECT 1 AS found FROM oauth_access_token WHERE team_id = $1',
      [teamId],
    );
    expect(rows).toHaveLength(1);
  });

  it('recognizes a code that is used again, also after the request was removed', async () => {
    const program = await approve();
    await poll(6000);
    expect(await poll(6000 + DEVICE_REISSUE_MS)).toMatchObject({
      outcome: 'used',
      program: { teamId, userId },
    });
    await devices().removeExpired(later(2 * DEVICE_CODE_LIFETIME_MS));
    expect(await poll(3 * DEVICE_CODE_LIFETIME_MS)).toMatchObject({ outcome: 'used' });
    if (typeof program === 'string') throw new Error(program);
    await context.store.programs.revoke(userId, program.id);
    expect(await poll(4 * DEVICE_CODE_LIFETIME_MS)).toBeNull();
  });

  // The response with the tokens can be lost. The program polls again, which was taken for the use of a copied code and
  // ended the program.
  it('gets new tokens instead of those whose response was lost', async () => {
    const program = await approve();
    const [lost, received] = [tokens(), tokens()];
    await poll(6000, lost);
    expect(await poll(6000 + DEVICE_REISSUE_MS - 1, received)).toEqual({
      outcome: 'reissued',
      program: expect.objectContaining({ id: (program as { id: string }).id }),
    });
    const { programs } = context.store;
    const after = later(6000 + DEVICE_REISSUE_MS);
    expect(await programs.findByAccessTokenHash(lost.accessTokenHash, after)).toBeNull();
    expect(await programs.findByAccessTokenHash(received.accessTokenHash, after)).not.toBeNull();
    const verdicts = await Promise.all(
      [lost, received].map(async ({ refreshTokenHash }) => {
        const token = await programs.findByRefreshTokenHash(refreshTokenHash);
        return token && judgeRefreshToken(token, after);
      }),
    );
    expect(verdicts).toEqual(['reused', 'usable']);
    // The time does not begin anew.
    expect(await poll(6000 + DEVICE_REISSUE_MS + INTERVAL_MS)).toMatchObject({ outcome: 'used' });
  });

  it('gets no tokens instead of those whose refresh token was used', async () => {
    await approve();
    const first = tokens();
    await poll(6000, first);
    expect(await context.store.programs.refresh(teamId, first.refreshTokenHash, tokens(), later(7000))).toBe(
      true,
    );
    expect(await poll(12_000)).toMatchObject({ outcome: 'used' });
  });

  it('is unknown to other clients, whose polls change nothing', async () => {
    await approve();
    const other = { deviceCodeHash: draft.deviceCodeHash, clientId: 'telepresence-cli' };
    expect(await devices().poll(other, tokens(), later(6000))).toBeNull();
    expect(await poll(6000)).toMatchObject({ outcome: 'issued' });
  });

  it('has no code that can be exchanged as an authorization code', async () => {
    await approve();
    expect(await context.store.programs.findByCodeHash(draft.deviceCodeHash)).toBeNull();
  });

  it('makes the interval longer with each poll that comes too early, up to a limit', async () => {
    expect(await poll(0)).toEqual({ outcome: 'pending' });
    expect(await poll(3000)).toEqual({ outcome: 'too_early' });
    // The interval is ten seconds now, and begins with the refused poll.
    expect(await poll(3000 + INTERVAL_MS)).toEqual({ outcome: 'too_early' });
    expect(await poll(8000 + 15_000)).toEqual({ outcome: 'pending' });
    for (let i = 0; i < 20; i++) await poll(23_000 + i);
    expect(await poll(23_019 + MAX_DEVICE_POLL_INTERVAL_SECONDS * 1000)).toEqual({ outcome: 'pending' });
  });

  it('is denied for good when a person denies it', async () => {
    expect(await devices().deny(draft.userCodeHash, later(1000))).toBe(true);
    expect(await devices().findPending(draft.userCodeHash, later(1000))).toBeNull();
    expect(await approve(2000)).toBe('not_pending');
    expect(await devices().deny(draft.userCodeHash, later(2000))).toBe(false);
    expect(await poll(6000)).toEqual({ outcome: 'denied' });
  });

  it('counts one of several decisions that are made at once', async () => {
    for (let i = 0; i < 10; i++) {
      draft = draftWith();
      await devices().create(draft, ROOM);
      const decisions = await Promise.all([
        approve(),
        devices().deny(draft.userCodeHash, later(1000)),
        approve(),
      ]);
      const counted = decisions.filter((decision) => decision !== false && decision !== 'not_pending');
      expect(counted).toHaveLength(1);
      expect((await poll(6000))?.outcome).toBe(counted[0] === true ? 'denied' : 'issued');
    }
  });

  it('cannot be approved by a person for a team of others, and then still waits', async () => {
    const other = await context.store.teams.create('another team');
    for (const team of [other.id, randomUUID(), 'x'])
      expect(await devices().approve(team, userId, draft.userCodeHash, start)).toBe('not_a_member');
    expect(await devices().approve(teamId, await person(), draft.userCodeHash, start)).toBe('not_a_member');
    expect(await poll(0)).toEqual({ outcome: 'pending' });
    expect(await approve()).toMatchObject({ teamId });
  });

  it('is denied, not pending again, when its person leaves the team before the program polls', async () => {
    await approve();
    await context.pool.query('DELETE FROM membership WHERE user_id = $1', [userId]);
    expect(await poll(6000)).toEqual({ outcome: 'denied' });
    expect(await approve(7000)).toBe('not_pending');
  });

  it('expires', async () => {
    const end = DEVICE_CODE_LIFETIME_MS;
    expect(await devices().findPending(draft.userCodeHash, later(end))).toBeNull();
    expect(await approve(end)).toBe('not_pending');
    expect(await devices().deny(draft.userCodeHash, later(end))).toBe(false);
    expect(await poll(end)).toEqual({ outcome: 'expired' });
  });

  it('leaves the program time for a poll when a person approves at the last moment', async () => {
    const last = DEVICE_CODE_LIFETIME_MS - 1;
    await approve(last);
    await devices().removeExpired(later(last + CODE_LIFETIME_MS - 1));
    expect(await poll(last + CODE_LIFETIME_MS - 1)).toMatchObject({ outcome: 'issued' });
  });

  it('is approved or removed, never both, when a person decides while it expires', async () => {
    const end = DEVICE_CODE_LIFETIME_MS;
    for (let i = 0; i < 20; i++) {
      draft = draftWith();
      await devices().create(draft, ROOM);
      const [atLast, atEnd] = [() => approve(end - 1), () => remove(end)];
      const outcomes = await Promise.all(i % 2 === 0 ? [atLast(), atEnd()] : [atEnd(), atLast()]);
      const isApproved = outcomes.some((outcome) => typeof outcome === 'object');
      expect((await poll(end + 1000))?.outcome).toBe(isApproved ? 'issued' : undefined);
    }
  });

  it('gets no tokens when the program polls too late', async () => {
    await approve();
    expect(await poll(DEVICE_CODE_LIFETIME_MS)).toEqual({ outcome: 'expired' });
    expect((await context.store.programs.list(userId, { limit: 10 }, start)).items).toEqual([]);
  });

  it('is removed once it has expired', async () => {
    const newer = draftWith({ at: later(1000) });
    await devices().create(newer, ROOM);
    expect(await devices().removeExpired(later(DEVICE_CODE_LIFETIME_MS))).toBe(1);
    expect(await devices().findPending(newer.userCodeHash, later(2000))).not.toBeNull();
    expect(await poll(DEVICE_CODE_LIFETIME_MS)).toBeNull();
  });

  // 10,000 requests that no program waits for kept everybody from signing in until they expired.
  it('makes room for a new one when its program stopped polling, the quietest first', async () => {
    const polled = draft;
    const [stopped, silent] = [draftWith(), draftWith()];
    for (const each of [stopped, silent]) expect(await devices().create(each, ROOM)).toBe('created');
    const pollOf = ({ deviceCodeHash }: DeviceAuthorizationDraft, ms: number) =>
      devices().poll({ deviceCodeHash, clientId: CULVERT }, tokens(), later(ms));
    await pollOf(stopped, 1000);
    await pollOf(polled, 6000);
    const isWaiting = async () => {
      const found = [polled, stopped, silent].map((each) =>
        devices().findPending(each.userCodeHash, later(7000)),
      );
      return (await Promise.all(found)).map((request) => request !== null);
    };
    const createAt = (ms: number) => devices().create(draftWith({ at: later(ms) }), { maxOpen: 3 });
    const quietMs = DEVICE_QUIET_INTERVALS * INTERVAL_MS;
    expect(await createAt(quietMs)).toBe('too_many');
    expect(await createAt(quietMs + 1)).toBe('created');
    expect(await isWaiting()).toEqual([true, true, false]);
    expect(await createAt(quietMs + 1001)).toBe('created');
    expect(await isWaiting()).toEqual([true, false, false]);
    expect(await createAt(quietMs + 1002)).toBe('too_many');
    expect(await isWaiting()).toEqual([true, false, false]);
  });

  it('takes no room of others, and is kept, once a person has decided', async () => {
    await approve();
    expect(await devices().create(draftWith({ at: later(2000) }), { maxOpen: 1 })).toBe('created');
    expect(await devices().create(draftWith({ at: later(60_000) }), { maxOpen: 1 })).toBe('created');
    expect(await poll(60_000)).toMatchObject({ outcome: 'issued' });
  });

  it('shares no code with another, and is refused beyond the limit', async () => {
    expect(await devices().create(draftWith({ userCodeHash: draft.userCodeHash }), ROOM)).toBe('code_taken');
    expect(await devices().create(draftWith({ deviceCodeHash: draft.deviceCodeHash }), ROOM)).toBe(
      'code_taken',
    );
    expect(await devices().create(draftWith(), { maxOpen: 1 })).toBe('too_many');
    expect(await devices().findPending(draft.userCodeHash, start)).not.toBeNull();
    // Expired requests do not count.
    expect(await devices().create(draftWith({ at: later(DEVICE_CODE_LIFETIME_MS) }), { maxOpen: 1 })).toBe(
      'created',
    );
  });
});
