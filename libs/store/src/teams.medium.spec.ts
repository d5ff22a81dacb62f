import {
  AuthorityLostError,
  hashApiKeySecret,
  TeamLimitError,
  type Scope,
  type Authority,
  type Role,
} from '@culvert/domain';
import { createTestDatabase } from '@culvert/testkit';
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  apiKeyDraft,
  createMember,
  createPreview,
  createProgram,
  createTenant,
  describeOnEveryDatabase,
  identity,
  interceptDraft,
  interceptId,
  previewDraft,
  registration,
  type Tenant,
} from './spec/databases.js';

const DAY_MS = 86_400_000;

type CreatedMember = Awaited<ReturnType<typeof createMember>>;

const counted = (outcomes: PromiseSettledResult<unknown>[]) => ({
  done: outcomes.filter(({ status }) => status === 'fulfilled').length,
  refused: outcomes.filter(
    (outcome) => outcome.status === 'rejected' && outcome.reason instanceof TeamLimitError,
  ).length,
});

describeOnEveryDatabase('teams', createTestDatabase, (context) => {
  let tenant: Tenant;
  let teamId: string;
  let owner: CreatedMember;

  const join = (role: Role) => createMember(context.store, teamId, role);

  beforeEach(async () => {
    tenant = await createTenant(context.store);
    teamId = tenant.team.id;
    owner = await join('owner');
  });

  const leave = ({ userId }: CreatedMember) =>
    context.store.members.change(teamId, userId, { role: null, by: 'self', at: new Date() });

  it('keeps the last of two owners that leave at the same moment', async () => {
    const second = await join('owner');
    const outcomes = await Promise.all([leave(owner), leave(second)]);
    expect(outcomes.filter(({ ok }) => ok)).toHaveLength(1);
    expect(outcomes.find(({ ok }) => !ok)).toEqual({ ok: false, reason: 'last_owner' });
    expect((await context.store.members.list(teamId)).map(({ role }) => role)).toEqual(['owner']);
  });

  it('keeps the first of two owners that remove each other at the same moment', async () => {
    const second = await join('owner');
    const remove = (of: CreatedMember, { by }: CreatedMember) =>
      context.store.members.change(teamId, of.userId, { role: null, by, at: new Date() });
    const outcomes = await Promise.allSettled([remove(owner, second), remove(second, owner)]);
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    expect(refused).toMatchObject([{ reason: { reason: 'not_a_member' } }]);
    expect(await context.store.members.list(teamId)).toHaveLength(1);
  });

  it('lets an admin neither change nor create owners, and a person promote no one', async () => {
    const admin = await join('admin');
    const member = await join('member');
    const { members } = context.store;
    const change = (of: CreatedMember, role: Role, by: Authority | 'self') =>
      members.change(teamId, of.userId, { role, by, at: new Date() });
    const refused = { ok: false, reason: 'not_permitted' };
    expect(await change(owner, 'member', admin.by)).toEqual(refused);
    expect(await change(admin, 'owner', admin.by)).toEqual(refused);
    expect(await change(admin, 'owner', 'self')).toEqual(refused);
    await expect(change(admin, 'member', member.by)).rejects.toThrow(AuthorityLostError);
    expect(await change(admin, 'member', 'self')).toMatchObject({ ok: true, after: { role: 'member' } });
    expect(await members.change(teamId, randomUUID(), { role: null, by: owner.by, at: new Date() })).toEqual({
      ok: false,
      reason: 'not_found',
    });
  });

  it('revokes the keys of people who leave, and keys that exceed a new role, with the keys they created', async () => {
    const { apiKeys, members } = context.store;
    const admin = await join('admin');
    const make = (scopes: Scope[], by: Authority = admin.by) =>
      apiKeys.create(teamId, apiKeyDraft({ scopes }), { by, max: 10 });
    const strong = await make(['team:write', 'keys:write', 'tunnel']);
    const child = await make(['tunnel'], { kind: 'api-key', apiKeyId: strong.id });
    const weak = await make(['tunnel']);
    const lowered = await members.change(teamId, admin.userId, {
      role: 'member',
      by: owner.by,
      at: new Date(),
    });
    expect(lowered).toMatchObject({ ok: true });
    expect(lowered.ok && lowered.revokedApiKeyIds.toSorted()).toEqual([strong.id, child.id].toSorted());
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
    const options = (maxMembers = 10, maxTeams = 10) => ({ now: new Date(), maxMembers, maxTeams });
    const making = (max = 5) => ({ by: owner.by, max });
    const guestOf = (email: string) => context.store.users.findOrCreate(email, 'Jo').then(({ id }) => id);

    it('are used up by the first of several concurrent acceptances', async () => {
      const email = `${randomUUID()}@example.test`;
      const guest = await guestOf(email);
      const invitation = draft(email);
      const { invitations } = context.store;
      await invitations.create(teamId, invitation, making());
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
      await invitations.create(teamId, invitation, making());
      expect(
        await invitations.accept(invitation.tokenHash, await guestOf('other@example.test'), options()),
      ).toBeNull();
      expect(await invitations.create(teamId, draft('guest@example.test'), making())).toBeNull();
      const { email } = (await members.find(teamId, owner.userId))!;
      expect(await invitations.create(teamId, draft(email), making())).toBe('member');
    });

    it('have no effect once expired, renewed or beyond the limits', async () => {
      const { invitations } = context.store;
      const email = `${randomUUID()}@example.test`;
      const guest = await guestOf(email);
      const invitation = draft(email);
      const created = await invitations.create(teamId, invitation, making(1));
      if (created === null || created === 'member') throw new Error('not invited');
      await expect(invitations.create(teamId, draft('b@example.test'), making(1))).rejects.toThrow(
        TeamLimitError,
      );
      const late = { now: new Date(Date.now() + 2 * DAY_MS), maxMembers: 10, maxTeams: 10 };
      expect(await invitations.accept(invitation.tokenHash, guest, late)).toBeNull();
      const renewal = { tokenHash: hash(), expiresAt: invitation.expiresAt };
      await invitations.renew(teamId, created.id, renewal, owner.by);
      expect(await invitations.accept(invitation.tokenHash, guest, options())).toBeNull();
      await expect(invitations.accept(renewal.tokenHash, guest, options(1))).rejects.toThrow(TeamLimitError);
      await expect(invitations.accept(renewal.tokenHash, guest, options(10, 0))).rejects.toThrow(
        TeamLimitError,
      );
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
    const options = (maxMembers = 10) => ({ now: new Date(), maxMembers, maxTeams: 10 });
    const newAddress = () => `${randomUUID()}@example.test`;
    const invite = async (email: string) => {
      const invitation = draft(email);
      await context.store.invitations.create(teamId, invitation, { by: owner.by, max: 50 });
      return invitation.tokenHash;
    };

    it('create one account and one member when accepted several times at once', async () => {
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

    it('create no account beyond the limit of members, and work once there is room', async () => {
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

    it('create an account for an address that was mailed a link and never used', async () => {
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

    it('verify an address once its person follows a link of the server', async () => {
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
      const keys = [1, 2, 3].map(() => apiKeys.create(teamId, apiKeyDraft(), { by: owner.by, max: 3 }));
      expect(counted(await Promise.allSettled(keys))).toEqual({ done: 2, refused: 1 });
      const more = [1, 2, 3].map((n) => teams.createWithOwner(`more ${n}`, owner.userId, 3));
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

    it('are summed over the edges that write them, and shown for the last complete minute', async () => {
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

    it('are zero after a minute without any, and not lowered by an edge whose clock is behind', async () => {
      await add('10:00:10', 5);
      await add('10:02:10', 9);
      expect(await shown('10:02:20')).toBe(0);
      await add('10:01:59', 1000);
      expect(await shown('10:03:00')).toBe(9);
    });

    it('are counted for each team separately, and not for a team that does not exist', async () => {
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
    const making = (by: Authority = owner.by, max = 10) => ({ by, max });
    const replacement = () => {
      const { name, hint, hash, expiresAt } = apiKeyDraft();
      return { name, hint, hash, expiresAt };
    };

    it('lets the old one work until the overlap ends, once', async () => {
      const { apiKeys } = context.store;
      const now = new Date();
      const oldExpiresAt = new Date(now.getTime() + 60_000);
      const replace = () =>
        apiKeys.replace(teamId, tenant.apiKey.id, replacement(), { oldExpiresAt, now, ...making() });
      const replaced = await Promise.all([replace(), replace()]);
      expect(replaced.filter((key) => key !== null)).toHaveLength(1);
      expect(replaced.find((key) => key !== null)).toMatchObject({
        apiKey: { replacesId: tenant.apiKey.id, createdByUserId: owner.userId, createdByApiKeyId: null },
        revokedApiKeyIds: [],
      });
      expect((await apiKeys.find(teamId, tenant.apiKey.id))?.expiresAt).toEqual(oldExpiresAt);
      expect(await apiKeys.findUnusable([tenant.apiKey.id], oldExpiresAt)).toEqual([tenant.apiKey.id]);
    });

    it('never extends the life of the old one', async () => {
      const { apiKeys } = context.store;
      const soon = new Date(Date.now() + 1000);
      const key = await apiKeys.create(teamId, apiKeyDraft({ expiresAt: soon }));
      const options = { oldExpiresAt: new Date(Date.now() + DAY_MS), now: new Date(), ...making() };
      await apiKeys.replace(teamId, key.id, replacement(), options);
      expect((await apiKeys.find(teamId, key.id))?.expiresAt).toEqual(soon);
    });
  });

  describe('keys created by a key', () => {
    const key = ({ id }: { id: string }) => ({ kind: 'api-key', apiKeyId: id }) as const;
    const replacement = () => ({
      name: 'ci',
      hint: 'cvt_1234',
      hash: hashApiKeySecret(randomUUID()),
      expiresAt: null,
    });
    const scopes: Scope[] = ['keys:write', 'tunnel'];
    const make = (by: Authority, expiresAt: Date | null = null) =>
      context.store.apiKeys.create(teamId, apiKeyDraft({ scopes, expiresAt }), { by, max: 20 });
    const rotate = (id: string, by: Authority, overlapMs: number, max = 20) => {
      const now = new Date();
      const oldExpiresAt = new Date(now.getTime() + overlapMs);
      return context.store.apiKeys.replace(teamId, id, replacement(), { oldExpiresAt, now, by, max });
    };
    const found = async ({ id }: { id: string }) => (await context.store.apiKeys.find(teamId, id))!;

    it('are revoked with it, through generations', async () => {
      const parent = await make(owner.by);
      const child = await make(key(parent));
      const grandchild = await make(key(child));
      const stranger = await make(owner.by);
      const revoked = await context.store.apiKeys.revoke(teamId, parent.id, new Date());
      expect(revoked?.revokedApiKeyIds.toSorted()).toEqual([parent.id, child.id, grandchild.id].toSorted());
      expect((await found(stranger)).revokedAt).toBeNull();
    });

    it('end no later than it, whatever was requested', async () => {
      const end = new Date(Date.now() + DAY_MS);
      const parent = await make(owner.by, end);
      expect(await make(key(parent))).toMatchObject({ expiresAt: end, createdByApiKeyId: parent.id });
      const earlier = new Date(Date.now() + 1000);
      expect(await make(key(parent), earlier)).toMatchObject({ expiresAt: earlier });
      expect(await rotate(parent.id, key(parent), 0)).toMatchObject({ apiKey: { expiresAt: end } });
    });

    it('end with it when it is rotated, and do not affect its successor', async () => {
      const grandparent = await make(owner.by);
      const parent = await make(key(grandparent));
      const child = await make(key(parent));
      const rotated = await rotate(parent.id, key(parent), 60_000);
      if (rotated === null || rotated === 'maker') throw new Error('not rotated');
      expect(rotated).toMatchObject({
        apiKey: { createdByApiKeyId: grandparent.id, expiresAt: null },
        revokedApiKeyIds: [],
      });
      expect((await found(child)).expiresAt).toEqual((await found(parent)).expiresAt);
      const again = await rotate(rotated.apiKey.id, owner.by, 0);
      expect(again).toMatchObject({
        apiKey: { createdByApiKeyId: null, revokedAt: null },
        revokedApiKeyIds: [rotated.apiKey.id],
      });
    });

    it('cannot rotate it', async () => {
      const parent = await make(owner.by);
      const child = await make(key(parent));
      expect(await rotate(parent.id, key(child), 0)).toBe('maker');
      expect((await found(parent)).revokedAt).toBeNull();
    });

    it('count, like its successor, when it is rotated: the limit holds while both work', async () => {
      const first = await make(owner.by);
      // The tenant's own key counts as one, so this is the second.
      await expect(rotate(first.id, owner.by, 60_000, 2)).rejects.toThrow(TeamLimitError);
      expect(await rotate(first.id, owner.by, 0, 2)).toMatchObject({ revokedApiKeyIds: [first.id] });
    });

    it("are not found by their secret once their creator is not a member, and have the creator's scopes", async () => {
      const admin = await join('admin');
      const draft = apiKeyDraft({ scopes: ['team:write', 'tunnel'] });
      const { id } = await context.store.apiKeys.create(teamId, draft, { by: admin.by, max: 20 });
      // As if the end of the membership had left the key.
      await context.store.users.setRole(teamId, admin.userId, 'member');
      expect(await context.store.apiKeys.findByHash(draft.hash)).toMatchObject({ id, scopes: ['tunnel'] });
      expect(await context.store.apiKeys.findUnusable([id], new Date())).toEqual([]);
      await context.pool.query('DELETE FROM membership WHERE user_id = $1', [admin.userId]);
      expect(await context.store.apiKeys.findByHash(draft.hash)).toBeNull();
      expect(await context.store.apiKeys.findUnusable([id], new Date())).toEqual([id]);
    });
  });

  describe('authority', () => {
    const create = (by: Authority, scopes: Scope[] = ['tunnel']) =>
      context.store.apiKeys.create(teamId, apiKeyDraft({ scopes }), { by, max: 20 });

    it.each([
      ['of a browser that was signed out', 'ended'],
      ['of a person who was removed', 'not_a_member'],
      ['of a person who was demoted', 'insufficient'],
      ['of a revoked key', 'ended'],
      ['of a key that expired', 'ended'],
      ['of a program that was ended', 'ended'],
    ])('%s creates nothing', async (whose, reason) => {
      const { store } = context;
      const admin = await join('admin');
      const expiresAt = new Date(Date.now() + 1);
      const key = await store.apiKeys.create(
        teamId,
        apiKeyDraft({
          scopes: ['keys:write', 'tunnel'],
          expiresAt: whose.includes('expired') ? expiresAt : null,
        }),
      );
      const program = await createProgram(store, tenant);
      const by: Authority = whose.includes('key')
        ? { kind: 'api-key', apiKeyId: key.id }
        : whose.includes('program')
          ? program
          : admin.by;
      if (whose.includes('signed out')) await store.userSessions.removeAll(admin.userId);
      if (whose.includes('removed')) await leave(admin);
      if (whose.includes('demoted'))
        await store.members.change(teamId, admin.userId, { role: 'member', by: owner.by, at: new Date() });
      if (whose.includes('revoked')) await store.apiKeys.revoke(teamId, key.id, new Date());
      if (whose.includes('expired')) await expect.poll(() => new Date() > expiresAt).toBe(true);
      if (whose.includes('program')) await store.programs.revoke(program.userId, program.programId);
      const wanted: Scope[] = whose.includes('demoted') ? ['team:write'] : ['tunnel'];
      await expect(create(by, wanted)).rejects.toMatchObject({ code: 'AUTHORITY_LOST', reason });
    });

    it('of a program creates keys for its person, with the scopes of the program', async () => {
      const program = await createProgram(context.store, tenant);
      expect(await create(program)).toMatchObject({
        createdByUserId: program.userId,
        createdByApiKeyId: null,
      });
      await expect(create(program, ['sessions:read'])).rejects.toMatchObject({ missing: ['sessions:read'] });
    });
  });

  describe('ended previews', () => {
    it('are removed when expired, or unused for the time that they or their team set', async () => {
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

    it('are removed when they end with their session, and it has ended', async () => {
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
