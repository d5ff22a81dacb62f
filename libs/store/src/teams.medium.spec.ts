import { hashApiKeySecret, TeamLimitError } from '@culvert/domain';
import { createTestDatabase } from '@culvert/testkit';
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  apiKeyDraft,
  createPreview,
  createTenant,
  describeOnEveryDatabase,
  identity,
  interceptDraft,
  interceptId,
  previewDraft,
  registration,
  type Context,
  type Tenant,
} from './spec/databases.js';

const DAY_MS = 86_400_000;

async function person({ pool }: Context, email = `${randomUUID()}@example.test`): Promise<string> {
  const id = randomUUID();
  await pool.query('INSERT INTO "user" (id, email, name, created_at) VALUES ($1, $2, $3, now())', [
    id,
    email,
    'Jo',
  ]);
  return id;
}

const counted = (outcomes: PromiseSettledResult<unknown>[]) => ({
  done: outcomes.filter(({ status }) => status === 'fulfilled').length,
  refused: outcomes.filter(
    (outcome) => outcome.status === 'rejected' && outcome.reason instanceof TeamLimitError,
  ).length,
});

describeOnEveryDatabase('teams', createTestDatabase, (context) => {
  let tenant: Tenant;
  let owner: string;
  let teamId: string;

  const join = async (role: string): Promise<string> => {
    const userId = await person(context);
    await context.pool.query(
      'INSERT INTO membership (team_id, user_id, role, created_at) VALUES ($1, $2, $3::role, now())',
      [teamId, userId, role],
    );
    return userId;
  };

  beforeEach(async () => {
    tenant = await createTenant(context.store);
    teamId = tenant.team.id;
    owner = await join('owner');
  });

  const leave = (userId: string) =>
    context.store.members.change(teamId, userId, { role: null, scopes: [], by: 'self', at: new Date() });

  it('keeps the last of two owners that leave at the same moment', async () => {
    const second = await join('owner');
    const outcomes = await Promise.all([leave(owner), leave(second)]);
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1);
    expect(outcomes.find(({ ok }) => !ok)).toEqual({ ok: false, reason: 'last_owner' });
    expect((await context.store.members.list(teamId)).map(({ role }) => role)).toEqual(['owner']);
  });

  it('lets an admin touch no owner and make none, and a person raise nobody', async () => {
    const admin = await join('admin');
    const { members } = context.store;
    const change = (userId: string, role: 'owner' | 'member', by: 'admin' | 'self' | 'member') =>
      members.change(teamId, userId, { role, scopes: [], by, at: new Date() });
    const refused = { ok: false, reason: 'not_permitted' };
    expect(await change(owner, 'member', 'admin')).toEqual(refused);
    expect(await change(admin, 'owner', 'admin')).toEqual(refused);
    expect(await change(admin, 'owner', 'self')).toEqual(refused);
    expect(await change(owner, 'member', 'member')).toEqual(refused);
    expect(await change(admin, 'member', 'self')).toMatchObject({ ok: true, after: { role: 'member' } });
    expect(
      await members.change(teamId, randomUUID(), { role: null, scopes: [], by: 'owner', at: new Date() }),
    ).toEqual({ ok: false, reason: 'not_found' });
  });

  it('revokes the keys of whoever leaves, and those that can do more than a new role', async () => {
    const { apiKeys, members } = context.store;
    const admin = await join('admin');
    const strong = await apiKeys.create(
      teamId,
      apiKeyDraft({ scopes: ['team:write'], createdByUserId: admin }),
    );
    const weak = await apiKeys.create(teamId, apiKeyDraft({ scopes: ['tunnel'], createdByUserId: admin }));
    const lowered = await members.change(teamId, admin, {
      role: 'member',
      scopes: ['tunnel', 'previews:read'],
      by: 'owner',
      at: new Date(),
    });
    expect(lowered).toMatchObject({ ok: true, revokedApiKeyIds: [strong.id] });
    expect(await leave(admin)).toMatchObject({ ok: true, revokedApiKeyIds: [weak.id] });
    expect((await apiKeys.find(teamId, tenant.apiKey.id))?.revokedAt).toBeNull();
  });

  describe('invitations', () => {
    const hash = () => hashApiKeySecret(randomUUID());
    const draft = (email: string) => ({
      email,
      role: 'admin' as const,
      tokenHash: hash(),
      expiresAt: new Date(Date.now() + DAY_MS),
    });
    const options = (maxMembers = 10) => ({ now: new Date(), maxMembers });

    it('are used up by the first of several that accept at once', async () => {
      const email = `${randomUUID()}@example.test`;
      const guest = await person(context, email);
      const invitation = draft(email);
      const { invitations } = context.store;
      await invitations.create(teamId, invitation, 5);
      const accepted = await Promise.all(
        [1, 2, 3].map(() => invitations.accept(invitation.tokenHash, guest, options())),
      );
      expect(accepted.filter((each) => each !== null)).toHaveLength(1);
      expect(await context.store.members.find(teamId, guest)).toMatchObject({ role: 'admin', email });
      expect(await invitations.findByTokenHash(invitation.tokenHash)).toBeNull();
    });

    it('are for their address only, once per address, and not for members', async () => {
      const { invitations, members } = context.store;
      const invitation = draft('guest@example.test');
      await invitations.create(teamId, invitation, 5);
      expect(await invitations.accept(invitation.tokenHash, await person(context), options())).toBeNull();
      expect(await invitations.create(teamId, draft('guest@example.test'), 5)).toBeNull();
      const { email } = (await members.find(teamId, owner))!;
      expect(await invitations.create(teamId, draft(email), 5)).toBe('member');
    });

    it('do nothing once expired, renewed or beyond the limits', async () => {
      const { invitations } = context.store;
      const email = `${randomUUID()}@example.test`;
      const guest = await person(context, email);
      const invitation = draft(email);
      const created = await invitations.create(teamId, invitation, 1);
      if (created === null || created === 'member') throw new Error('not invited');
      await expect(invitations.create(teamId, draft('b@example.test'), 1)).rejects.toThrow(TeamLimitError);
      const late = { now: new Date(Date.now() + 2 * DAY_MS), maxMembers: 10 };
      expect(await invitations.accept(invitation.tokenHash, guest, late)).toBeNull();
      const renewal = { tokenHash: hash(), expiresAt: invitation.expiresAt };
      await invitations.renew(teamId, created.id, renewal);
      expect(await invitations.accept(invitation.tokenHash, guest, options())).toBeNull();
      await expect(invitations.accept(renewal.tokenHash, guest, options(1))).rejects.toThrow(TeamLimitError);
      expect(await invitations.accept(renewal.tokenHash, guest, options())).not.toBeNull();
    });
  });

  describe('invitations without mail', () => {
    const draft = (email: string) => ({
      email,
      role: 'member' as const,
      tokenHash: hashApiKeySecret(randomUUID()),
      expiresAt: new Date(Date.now() + DAY_MS),
    });
    const options = (maxMembers = 10) => ({ now: new Date(), maxMembers });
    const newAddress = () => `${randomUUID()}@example.test`;
    const invite = async (email: string) => {
      const invitation = draft(email);
      await context.store.invitations.create(teamId, invitation, 50);
      return invitation.tokenHash;
    };

    it('make one account and one member when they are accepted several times at once', async () => {
      const { invitations, users, members } = context.store;
      const email = newAddress();
      const tokenHash = await invite(email);
      const accepted = await Promise.all(
        ['$a', '$b', '$c'].map((password) => invitations.acceptAsNewUser(tokenHash, password, options())),
      );
      expect(accepted.filter((each) => each !== null)).toEqual([
        expect.objectContaining({
          user: expect.objectContaining({ email, isEmailVerified: false }) as object,
        }),
      ]);
      const found = await users.findByEmail(email);
      expect(found?.passwordHash).toMatch(/^\$[abc]$/);
      expect(await members.find(teamId, found?.id ?? '')).toMatchObject({ email, role: 'member' });
    });

    it('make no account beyond the limit of members, and can be used once there is room', async () => {
      const { invitations, users } = context.store;
      const email = newAddress();
      const tokenHash = await invite(email);
      await expect(invitations.acceptAsNewUser(tokenHash, '$a', options(1))).rejects.toThrow(TeamLimitError);
      expect(await users.findByEmail(email)).toBeNull();
      expect(await invitations.acceptAsNewUser(tokenHash, '$a', options())).not.toBeNull();
    });

    it('never change the password of an address with an account, and stay usable for its person', async () => {
      const { invitations, users } = context.store;
      const withPassword = await users.findOrCreate(newAddress(), '');
      await users.setPasswordHash(withPassword.id, '$own');
      const { user: fromProvider } = await users.findOrCreateByIdentity({
        issuer: 'https://id.example',
        subject: randomUUID(),
        email: newAddress(),
        name: '',
      });
      for (const { id, email } of [withPassword, fromProvider]) {
        expect(await users.hasAccount(email)).toBe(true);
        const before = await users.findWithPassword(id);
        const tokenHash = await invite(email);
        expect(await invitations.acceptAsNewUser(tokenHash, '$theirs', options())).toBe('has_account');
        expect(await users.findWithPassword(id)).toEqual(before);
        expect(await invitations.accept(tokenHash, id, options())).not.toBeNull();
      }
    });

    it('make an account of an address that was mailed a link and never used', async () => {
      const { invitations, users } = context.store;
      const { email, id } = await users.findOrCreate(newAddress(), '');
      expect(await users.hasAccount(email)).toBe(false);
      expect(await invitations.acceptAsNewUser(await invite(email), '$a', options())).toMatchObject({
        user: { id, isEmailVerified: false },
      });
    });

    it('lose their password and sessions to a provider that verifies the address', async () => {
      const { invitations, users, userSessions } = context.store;
      const email = newAddress();
      const accepted = await invitations.acceptAsNewUser(await invite(email), '$a', options());
      if (accepted === null || accepted === 'has_account') throw new Error('not accepted');
      const { id: userId } = accepted.user;
      const session = { userId, tokenHash: randomUUID(), at: new Date(), address: null, userAgent: '' };
      await userSessions.create(session);
      const vouched = { issuer: 'https://id.example', subject: randomUUID(), email, name: '' };
      const taken = await users.findOrCreateByIdentity(vouched);
      expect(taken).toMatchObject({ user: { id: userId, isEmailVerified: true }, isTakenOver: true });
      expect(await userSessions.findByTokenHash(session.tokenHash)).toBeNull();
      expect((await users.findWithPassword(userId))?.passwordHash).toBeNull();
      expect(await users.findOrCreateByIdentity(vouched)).toMatchObject({ isTakenOver: false });
    });

    it('make an address verified once its person follows a link of the server', async () => {
      const { invitations, users, passwordResets } = context.store;
      const accepted = await invitations.acceptAsNewUser(await invite(newAddress()), '$a', options());
      if (accepted === null || accepted === 'has_account') throw new Error('not accepted');
      const { id: userId } = accepted.user;
      const tokenHash = randomUUID();
      await passwordResets.create({ userId, tokenHash, expiresAt: new Date(Date.now() + DAY_MS) });
      await passwordResets.redeem(tokenHash, '$b', new Date());
      expect(await users.find(userId)).toMatchObject({ isEmailVerified: true });
    });
  });

  describe('limits', () => {
    it('hold for previews that are created at the same moment', async () => {
      const { previews, intercepts } = context.store;
      const intercept = await intercepts.create(teamId, interceptId(), interceptDraft(tenant));
      const outcomes = await Promise.allSettled(
        Array.from({ length: 6 }, () =>
          previews.create(teamId, previewDraft({ interceptId: intercept!.id }), 4),
        ),
      );
      expect(counted(outcomes)).toEqual({ done: 4, refused: 2 });
      expect(await previews.count(teamId)).toBe(4);
    });

    it('hold for sessions, keys and teams, and let a session resume', async () => {
      const { sessions, apiKeys, teams } = context.store;
      const begin = () =>
        sessions.register(teamId, { ...registration(tenant), identity: identity(), maxSessions: 2 });
      expect(counted(await Promise.allSettled([begin(), begin(), begin()]))).toEqual({ done: 2, refused: 1 });
      const keys = [1, 2, 3].map(() => apiKeys.create(teamId, apiKeyDraft(), 3));
      expect(counted(await Promise.allSettled(keys))).toEqual({ done: 2, refused: 1 });
      const more = [1, 2, 3].map((n) => teams.createWithOwner(`more ${n}`, owner, 3));
      expect(counted(await Promise.allSettled(more))).toEqual({ done: 2, refused: 1 });
      expect(await teams.usage(teamId, new Date())).toEqual({
        previews: 0,
        sessions: 2,
        apiKeys: 3,
        members: 1,
        invitations: 0,
        previewRequestsPerMinute: 0,
      });
    });
  });

  describe('the requests of a team', () => {
    const at = (time: string): Date => new Date(`2026-03-01T${time}Z`);
    const add = (time: string, requests: number, more: [string, number][] = []) =>
      context.store.teams.recordRequests(new Map([[teamId, requests], ...more]), at(time));
    const shown = async (time: string) =>
      (await context.store.teams.usage(teamId, at(time))).previewRequestsPerMinute;

    it('are added up over the edges that write them down, and shown for the last whole minute', async () => {
      await add('10:00:10', 5);
      await add('10:00:50', 7);
      expect(await shown('10:00:59')).toBe(0);
      expect(await shown('10:01:00')).toBe(12);
      await add('10:01:10', 100);
      expect(await shown('10:01:20')).toBe(12);
      await add('10:01:50', 1);
      expect(await shown('10:02:00')).toBe(101);
      expect(await shown('10:03:00')).toBe(0);
    });

    it('are none after a minute without any, and not lowered by an edge whose clock is behind', async () => {
      await add('10:00:10', 5);
      await add('10:02:10', 9);
      expect(await shown('10:02:20')).toBe(0);
      await add('10:01:59', 1000);
      expect(await shown('10:03:00')).toBe(9);
    });

    it('are counted for each team alone, and for none that does not exist', async () => {
      const other = await createTenant(context.store);
      await add('10:00:10', 5, [
        [other.team.id, 3],
        [randomUUID(), 9],
        ['nonsense', 9],
      ]);
      expect(await shown('10:01:00')).toBe(5);
      expect(await context.store.teams.usage(other.team.id, at('10:01:00'))).toMatchObject({
        previewRequestsPerMinute: 3,
      });
    });

    it('survive edges that write many teams at once in any order', async () => {
      const others = await Promise.all(Array.from({ length: 6 }, () => createTenant(context.store)));
      const ids = others.map(({ team }) => team.id);
      const write = (order: string[]) =>
        context.store.teams.recordRequests(new Map(order.map((id) => [id, 1])), at('10:00:00'));
      await Promise.all(Array.from({ length: 8 }, (_, i) => write(i % 2 === 0 ? ids : ids.toReversed())));
      for (const id of ids) {
        const use = await context.store.teams.usage(id, at('10:01:00'));
        expect(use.previewRequestsPerMinute).toBe(8);
      }
    });
  });

  describe('replacing a key', () => {
    it('lets the old one work until the overlap ends, once', async () => {
      const { apiKeys } = context.store;
      const now = new Date();
      const oldExpiresAt = new Date(now.getTime() + 60_000);
      const replace = () => apiKeys.replace(teamId, tenant.apiKey.id, apiKeyDraft(), { oldExpiresAt, now });
      const replaced = await Promise.all([replace(), replace()]);
      expect(replaced.filter((key) => key !== null)).toHaveLength(1);
      expect(replaced.find((key) => key !== null)).toMatchObject({ replacesId: tenant.apiKey.id });
      expect((await apiKeys.find(teamId, tenant.apiKey.id))?.expiresAt).toEqual(oldExpiresAt);
      expect(await apiKeys.findUnusable([tenant.apiKey.id], oldExpiresAt)).toEqual([tenant.apiKey.id]);
    });

    it('never makes the old one live longer', async () => {
      const { apiKeys } = context.store;
      const soon = new Date(Date.now() + 1000);
      const key = await apiKeys.create(teamId, apiKeyDraft({ expiresAt: soon }));
      const options = { oldExpiresAt: new Date(Date.now() + DAY_MS), now: new Date() };
      await apiKeys.replace(teamId, key.id, apiKeyDraft(), options);
      expect((await apiKeys.find(teamId, key.id))?.expiresAt).toEqual(soon);
    });
  });

  describe('ended previews', () => {
    it('are removed when expired, or unused for as long as they or their team say', async () => {
      const { previews, intercepts, teams } = context.store;
      const intercept = await intercepts.create(teamId, interceptId(), interceptDraft(tenant));
      const make = async (change: object) =>
        (await previews.create(teamId, {
          ...previewDraft({ interceptId: intercept!.id }),
          expiresAt: null,
          ...change,
        }))!;
      const now = Date.now();
      const expired = await make({ expiresAt: new Date(now + 1000) });
      const idle = await make({ idleExpirySeconds: 300 });
      const used = await make({ idleExpirySeconds: 300 });
      const asTheTeamSays = await make({});
      const never = await make({ idleExpirySeconds: 0 });
      const ended = async (afterMs: number) =>
        (await previews.removeEnded(new Date(now + afterMs), 100))
          .filter(({ preview }) => preview.teamId === teamId)
          .map(({ preview, reason }) => `${preview.id} ${reason}`)
          .toSorted();
      await previews.recordUse([used.id, 'nonsense'], new Date(now + 200_000));
      expect(await ended(0)).toEqual([]);
      expect(await ended(310_000)).toEqual([`${expired.id} expired`, `${idle.id} unused`].toSorted());
      expect(await ended(510_000)).toEqual([`${used.id} unused`]);
      await teams.update(teamId, { previewIdleExpirySeconds: 3600 });
      expect(await ended(3_000_000)).toEqual([]);
      expect(await ended(4_000_000)).toEqual([`${asTheTeamSays.id} unused`]);
      expect(await previews.find(teamId, never.id)).not.toBeNull();
    });

    it('are removed when they end with their session, and that has ended', async () => {
      const { previews, sessions } = context.store;
      const exposing = await createTenant(context.store);
      const { session } = await sessions.register(exposing.team.id, registration(exposing));
      const short = await createPreview(context.store, exposing, { endsWithSession: true });
      const kept = await createPreview(context.store, exposing);
      const ended = async () =>
        (await previews.removeEnded(new Date(), 100)).filter(
          ({ preview }) => preview.teamId === exposing.team.id,
        );
      expect(await ended()).toEqual([]);
      await sessions.end(exposing.team.id, session.id, 'not_resumed', new Date());
      expect(await ended()).toMatchObject([{ preview: { id: short.id }, reason: 'session_ended' }]);
      expect(await previews.find(exposing.team.id, kept.id)).not.toBeNull();
    });
  });
});
