import { randomUUID } from 'node:crypto';
import {
  ACCESS_TOKEN_LIFETIME_MS,
  CODE_LIFETIME_MS,
  hashOAuthSecret,
  REFRESH_TOKEN_LIFETIME_MS,
  type IssuedTokens,
  type ProgramDraft,
} from '@culvert/domain';
import { createTestDatabase } from '@culvert/testkit';
import { beforeEach, expect, it } from 'vitest';
import { describeOnEveryDatabase } from './spec/databases.js';

const UNKNOWN = '01890000-0000-7000-8000-000000000000';
const start = new Date('2026-01-01T00:00:00Z');
const later = (ms: number) => new Date(start.getTime() + ms);

describeOnEveryDatabase('a program that a person allowed', createTestDatabase, (context) => {
  let teamId: string;
  let userId: string;

  const draft = (change: Partial<ProgramDraft> = {}): ProgramDraft => ({
    userId,
    clientId: 'telepresence-cli',
    codeHash: hashOAuthSecret(randomUUID()),
    codeChallenge: 'x'.repeat(43),
    redirectUri: 'http://localhost:1234/callback',
    at: start,
    ...change,
  });
  const tokens = () => ({
    accessTokenHash: hashOAuthSecret(randomUUID()),
    refreshTokenHash: hashOAuthSecret(randomUUID()),
  });
  /** A program whose code was exchanged at `start`. */
  const exchanged = async () => {
    const { programs } = context.store;
    const program = await programs.create(teamId, draft());
    if (program === null) throw new Error('no program');
    const first = tokens();
    expect(await programs.exchangeCode(teamId, program.id, first, start)).toBe(true);
    return { program, first };
  };

  beforeEach(async () => {
    teamId = (await context.store.teams.create('a team')).id;
    userId = randomUUID();
    await context.pool.query('INSERT INTO "user" (id, email, name, created_at) VALUES ($1, $2, $3, now())', [
      userId,
      `${userId}@example.test`,
      'Ada',
    ]);
    await context.pool.query(
      "INSERT INTO membership (team_id, user_id, role, created_at) VALUES ($1, $2, 'member', now())",
      [teamId, userId],
    );
  });

  it('keeps a code until it is exchanged, once, however many exchanges come at once', async () => {
    const { programs } = context.store;
    const mine = draft();
    const program = await programs.create(teamId, mine);
    expect(program).toMatchObject({ teamId, userId, clientId: 'telepresence-cli', lastUsedAt: null });
    const pending = await programs.findByCodeHash(mine.codeHash);
    expect(pending).toEqual({
      program,
      codeChallenge: mine.codeChallenge,
      redirectUri: mine.redirectUri,
      expiresAt: later(CODE_LIFETIME_MS),
      isUsed: false,
    });
    expect((await programs.list(userId, { limit: 10 }, start)).items).toEqual([]);
    const outcomes = await Promise.all(
      [1, 2, 3].map(() => programs.exchangeCode(teamId, program?.id ?? '', tokens(), start)),
    );
    expect(outcomes.filter(Boolean)).toHaveLength(1);
    expect(await programs.findByCodeHash(mine.codeHash)).toMatchObject({ isUsed: true });
    expect((await programs.list(userId, { limit: 10 }, start)).items).toMatchObject([
      { id: program?.id, lastUsedAt: start },
    ]);
  });

  it('lets no one act for a team that they are not a member of', async () => {
    const { programs, teams } = context.store;
    const other = await teams.create('another team');
    expect(await programs.create(other.id, draft())).toBeNull();
    expect(await programs.create('x', draft())).toBeNull();
    const { program } = await exchanged();
    expect(await programs.exchangeCode(other.id, program.id, tokens(), start)).toBe(false);
  });

  it('lists the programs of one person in all of their teams, newest first', async () => {
    const { programs, teams, users } = context.store;
    const other = await teams.create('another team');
    await users.addMembership(other.id, userId, 'member');
    const { program: oldest } = await exchanged();
    const newest = await programs.create(other.id, draft({ at: later(5) }));
    await programs.exchangeCode(other.id, newest?.id ?? '', tokens(), later(6));
    const { id: stranger } = await users.findOrCreate(`${randomUUID()}@example.test`, '');
    await users.addMembership(teamId, stranger, 'owner');

    const first = await programs.list(userId, { limit: 1 }, later(7));
    expect(first.items).toEqual([
      {
        id: newest?.id,
        teamId: other.id,
        team: { id: other.id, name: 'another team' },
        userId,
        clientId: 'telepresence-cli',
        createdAt: later(5),
        lastUsedAt: later(6),
        expiresAt: later(6 + REFRESH_TOKEN_LIFETIME_MS),
      },
    ]);
    const second = { limit: 1, cursor: first.nextCursor ?? '' };
    expect(await programs.list(userId, second, later(7))).toMatchObject({
      items: [{ id: oldest.id, team: { name: 'a team' } }],
      nextCursor: null,
    });
    // Expired ones are over, whether or not they have been removed.
    expect((await programs.list(userId, { limit: 9 }, later(REFRESH_TOKEN_LIFETIME_MS))).items).toHaveLength(
      1,
    );
    expect((await programs.list(stranger, { limit: 9 }, start)).items).toEqual([]);
    expect((await programs.list('x', { limit: 9 }, start)).items).toEqual([]);
    expect(await programs.revoke(stranger, oldest.id)).toBeNull();
    expect(await programs.revoke(userId, 'x')).toBeNull();
    expect((await programs.list(userId, { limit: 9 }, start)).items).toHaveLength(2);
  });

  it('is alive until it expires, even if its access tokens end earlier', async () => {
    const { programs, users } = context.store;
    const { program, first } = await exchanged();
    const ids = [program.id, UNKNOWN, 'x'];
    const lastMoment = later(REFRESH_TOKEN_LIFETIME_MS - 1);
    expect(await programs.findByAccessTokenHash(first.accessTokenHash, lastMoment)).toBeNull();
    expect(await programs.findAlive(ids, lastMoment)).toEqual([
      { id: program.id, clientId: 'telepresence-cli', role: 'member' },
    ]);
    expect(await programs.findAlive(ids, later(REFRESH_TOKEN_LIFETIME_MS))).toEqual([]);
    await programs.refresh(teamId, first.refreshTokenHash, tokens(), later(1));
    await users.setRole(teamId, userId, 'admin');
    expect(await programs.findAlive(ids, later(REFRESH_TOKEN_LIFETIME_MS))).toEqual([
      { id: program.id, clientId: 'telepresence-cli', role: 'admin' },
    ]);
    await programs.revoke(userId, program.id);
    expect(await programs.findAlive(ids, start)).toEqual([]);
    expect(await programs.findAlive([], start)).toEqual([]);
  });

  it('finds the person of an access token, until it expires', async () => {
    const { programs } = context.store;
    const { program, first } = await exchanged();
    const owner = await programs.findByAccessTokenHash(first.accessTokenHash, start);
    expect(owner).toMatchObject({
      program: { id: program.id, teamId },
      user: { id: userId, name: 'Ada' },
      role: 'member',
      expiresAt: later(ACCESS_TOKEN_LIFETIME_MS),
    });
    expect(owner?.user).not.toHaveProperty('passwordHash');
    expect(
      await programs.findByAccessTokenHash(first.accessTokenHash, later(ACCESS_TOKEN_LIFETIME_MS)),
    ).toBeNull();
    expect(await programs.findByAccessTokenHash(first.refreshTokenHash, start)).toBeNull();
    expect(await programs.findByAccessTokenHash('a\0', start)).toBeNull();
  });

  it('ends with the membership', async () => {
    const { programs } = context.store;
    const { first } = await exchanged();
    await context.pool.query('DELETE FROM membership WHERE user_id = $1', [userId]);
    expect(await programs.findByAccessTokenHash(first.accessTokenHash, start)).toBeNull();
    expect(await programs.findByRefreshTokenHash(first.refreshTokenHash)).toBeNull();
  });

  it('ends with its revocation', async () => {
    const { programs } = context.store;
    const { program, first } = await exchanged();
    expect(await programs.revoke(userId, program.id)).toMatchObject({ id: program.id });
    expect(await programs.revoke(userId, program.id)).toBeNull();
    expect(await programs.findByAccessTokenHash(first.accessTokenHash, start)).toBeNull();
    expect(await programs.refresh(teamId, first.refreshTokenHash, tokens(), start)).toBe(false);
  });

  it('supersedes a refresh token when one made from it is used', async () => {
    const { programs } = context.store;
    const { first } = await exchanged();
    const second = tokens();
    const third = tokens();
    expect(await programs.refresh(teamId, first.refreshTokenHash, second, later(1))).toBe(true);
    expect(await programs.findByRefreshTokenHash(first.refreshTokenHash)).toMatchObject({
      supersededAt: null,
    });
    expect(await programs.refresh(teamId, second.refreshTokenHash, third, later(2))).toBe(true);
    expect(await programs.findByRefreshTokenHash(first.refreshTokenHash)).toMatchObject({
      supersededAt: later(2),
    });
    expect(await programs.findByRefreshTokenHash(second.refreshTokenHash)).toMatchObject({
      supersededAt: null,
    });
    expect(await programs.findByRefreshTokenHash(UNKNOWN)).toBeNull();
  });

  it('supersedes all that others got from a refresh token when its first user continues', async () => {
    const { programs } = context.store;
    const { first } = await exchanged();
    const [stolen, own, next, later1] = [tokens(), tokens(), tokens(), tokens()];
    const supersededAt = async ({ refreshTokenHash }: IssuedTokens) =>
      (await programs.findByRefreshTokenHash(refreshTokenHash))?.supersededAt;
    await programs.refresh(teamId, first.refreshTokenHash, stolen, later(1));
    await programs.refresh(teamId, first.refreshTokenHash, own, later(2));
    expect(await supersededAt(stolen)).toBeNull();
    await programs.refresh(teamId, own.refreshTokenHash, next, later(3));
    expect([await supersededAt(first), await supersededAt(stolen)]).toEqual([later(3), later(3)]);
    expect([await supersededAt(own), await supersededAt(next)]).toEqual([null, null]);
    // Within the grace for a lost response the copy gets tokens, which end when the person's are used, and supersede
    // nothing.
    await programs.refresh(teamId, stolen.refreshTokenHash, later1, later(4));
    expect([await supersededAt(next), await supersededAt(later1)]).toEqual([null, null]);
    await programs.refresh(teamId, next.refreshTokenHash, tokens(), later(5));
    expect([await supersededAt(next), await supersededAt(later1)]).toEqual([null, later(5)]);
  });

  it('repeats a lost response: the token that was used first stays valid', async () => {
    const { programs } = context.store;
    const { first } = await exchanged();
    const [second, lost, again] = [tokens(), tokens(), tokens()];
    await programs.refresh(teamId, first.refreshTokenHash, second, later(1));
    await programs.refresh(teamId, second.refreshTokenHash, lost, later(2));
    await programs.refresh(teamId, second.refreshTokenHash, again, later(3));
    for (const { refreshTokenHash } of [second, lost, again])
      expect(await programs.findByRefreshTokenHash(refreshTokenHash)).toMatchObject({
        supersededAt: null,
      });
  });

  it('removes what stopped working', async () => {
    const { programs } = context.store;
    const unused = draft();
    await programs.create(teamId, unused);
    const { program, first } = await exchanged();
    await programs.refresh(teamId, first.refreshTokenHash, tokens(), later(1));
    await programs.removeExpired(later(CODE_LIFETIME_MS));
    expect(await programs.findByCodeHash(unused.codeHash)).toBeNull();
    await programs.removeExpired(later(REFRESH_TOKEN_LIFETIME_MS));
    expect(await programs.findByRefreshTokenHash(first.refreshTokenHash)).toBeNull();
    expect((await programs.list(userId, { limit: 10 }, start)).items).toMatchObject([{ id: program.id }]);
    await programs.removeExpired(later(REFRESH_TOKEN_LIFETIME_MS + 1));
    expect((await programs.list(userId, { limit: 10 }, start)).items).toEqual([]);
  });
});
