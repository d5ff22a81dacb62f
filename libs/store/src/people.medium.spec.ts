import {
  hashSecret,
  generateSecret,
  USER_SESSION_IDLE_MS,
  USER_SESSION_LIFETIME_MS,
  type User,
} from '@culvert/domain';
import { createTestDatabase } from '@culvert/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import { createTenant, describeOnEveryDatabase } from './spec/databases.js';

const UNKNOWN = '01890000-0000-7000-8000-000000000000';
const NOW = new Date('2026-06-01T12:00:00.000Z');
const later = (ms: number) => new Date(NOW.getTime() + ms);

describeOnEveryDatabase('people', createTestDatabase, (context) => {
  let user: User;
  let count = 0;
  const begin = async (at = NOW, userId = user.id) => {
    const tokenHash = hashSecret(generateSecret());
    const draft = { userId, tokenHash, at, address: '2001:db8::1', userAgent: 'Browser/1' };
    return { tokenHash, session: await context.store.userSessions.create(draft) };
  };

  beforeEach(async () => {
    user = await context.store.users.findOrCreate(`person-${(count += 1)}@example.test`, 'Jo');
  });

  it('get no session by a password that was changed while it was checked', async () => {
    const { users, userSessions, passwordResets } = context.store;
    const draft = () => ({
      userId: user.id,
      tokenHash: hashSecret(generateSecret()),
      at: NOW,
      address: null,
      userAgent: '',
    });
    await users.setPasswordHash(user.id, 'old');
    expect(await userSessions.createByPassword(draft(), 'old')).toMatchObject({ userId: user.id });
    await passwordResets.create({ userId: user.id, tokenHash: 'reset', expiresAt: later(1) });
    await passwordResets.redeem('reset', 'new', NOW);
    expect(await userSessions.createByPassword(draft(), 'old')).toBeNull();
    expect((await userSessions.list(user.id, { limit: 10 })).items).toEqual([]);
  });

  it('keep a password that was set while another one was being changed', async () => {
    const { users } = context.store;
    await users.setPasswordHash(user.id, 'new');
    expect(await users.replacePasswordHash(user.id, { from: 'old', to: 'stolen' })).toBe(false);
    expect(await users.replacePasswordHash(user.id, { from: 'new', to: 'newer' })).toBe(true);
    expect(await users.findWithPassword(user.id)).toMatchObject({ passwordHash: 'newer' });
  });

  it('are found by id, with the hash of their password only on request', async () => {
    const { users } = context.store;
    expect(await users.setPasswordHash(user.id, '$argon2id$…')).toBe(true);
    expect(await users.find(user.id)).toEqual(user);
    expect(user).not.toHaveProperty('passwordHash');
    expect(await users.findWithPassword(user.id)).toEqual({ ...user, passwordHash: '$argon2id$…' });
    expect(await users.findOrCreate(user.email, 'Other')).toEqual(user);
    for (const id of ['x', UNKNOWN]) {
      expect(await users.find(id)).toBeNull();
      expect(await users.findWithPassword(id)).toBeNull();
      expect(await users.setPasswordHash(id, 'x')).toBe(false);
    }
  });

  it('become members once', async () => {
    const { users } = context.store;
    const { team } = await createTenant(context.store);
    expect(await users.addMembership(team.id, user.id, 'admin')).toMatchObject({ role: 'admin' });
    expect(await users.addMembership(team.id, user.id, 'owner')).toBeNull();
    expect(await users.memberships(user.id)).toMatchObject([{ teamId: team.id, role: 'admin' }]);
    expect(await users.addMembership(UNKNOWN, user.id, 'owner')).toBeNull();
    expect(await users.addMembership(team.id, UNKNOWN, 'owner')).toBeNull();
    expect(await users.addMembership('x', 'y', 'owner')).toBeNull();
  });

  describe('known from an identity provider', () => {
    const identity = { issuer: 'https://id.example', name: 'Jo' };

    it('show how they can sign in', async () => {
      const { users } = context.store;
      expect(await users.findSignInMethods(user.id)).toEqual({ hasPassword: false, providers: [] });
      await users.setPasswordHash(user.id, '$argon2id$…');
      await users.findOrCreateByIdentity({ ...identity, subject: user.id, email: user.email });
      expect(await users.findSignInMethods(user.id)).toEqual({
        hasPassword: true,
        providers: [{ issuer: identity.issuer, createdAt: expect.any(Date) as Date }],
      });
      for (const id of ['x', UNKNOWN]) expect(await users.findSignInMethods(id)).toBeNull();
    });

    it('are one person under a subject, even if their address changes', async () => {
      const { users } = context.store;
      const { user: first } = await users.findOrCreateByIdentity({
        ...identity,
        subject: user.id,
        email: user.email,
      });
      expect(first).toEqual(user);
      const moved = { ...identity, subject: user.id, email: `moved-${user.email}` };
      expect(await users.findOrCreateByIdentity(moved)).toEqual({ user, isTakenOver: false });
      expect(await users.findByEmail(moved.email)).toBeNull();
    });

    it('are different people under the same subject of another issuer', async () => {
      const { users } = context.store;
      await users.findOrCreateByIdentity({ ...identity, subject: user.id, email: user.email });
      const { user: other } = await users.findOrCreateByIdentity({
        issuer: 'https://other.example',
        subject: user.id,
        email: `other-${user.email}`,
        name: '',
      });
      expect(other.id).not.toBe(user.id);
    });

    it('are one person when they sign in twice at once', async () => {
      const { users } = context.store;
      const draft = { ...identity, subject: `new-${user.id}`, email: `new-${user.email}` };
      const both = await Promise.all([
        users.findOrCreateByIdentity(draft),
        users.findOrCreateByIdentity(draft),
      ]);
      expect(both[0].user.id).toBe(both[1].user.id);
    });
  });

  describe('sessions', () => {
    it('are found by the hash of their token, with their person', async () => {
      const { userSessions } = context.store;
      const { tokenHash, session } = await begin();
      expect(session).toEqual({
        id: expect.any(String) as string,
        userId: user.id,
        createdAt: NOW,
        lastSeenAt: NOW,
        expiresAt: later(USER_SESSION_LIFETIME_MS),
        address: '2001:db8::1',
        userAgent: 'Browser/1',
      });
      expect(await userSessions.findByTokenHash(tokenHash)).toEqual({ user, session });
      expect(await userSessions.findByTokenHash(tokenHash.toUpperCase())).toBeNull();
      expect(await userSessions.findByTokenHash('\0')).toBeNull();
    });

    it('are listed newest first, of one person only', async () => {
      const { userSessions, users } = context.store;
      const first = await begin(NOW);
      const second = await begin(later(1));
      const other = await users.findOrCreate(`other-${user.email}`, '');
      await begin(NOW, other.id);
      expect((await userSessions.list(user.id, { limit: 10 })).items).toEqual([
        second.session,
        first.session,
      ]);
      expect((await userSessions.list('x', { limit: 10 })).items).toEqual([]);
    });

    it('end one at a time by their own person, or all but one', async () => {
      const { userSessions } = context.store;
      const [a, b, c] = [await begin(), await begin(), await begin()];
      expect(await userSessions.remove(UNKNOWN, a.session.id)).toBe(false);
      expect(await userSessions.remove(user.id, 'x')).toBe(false);
      expect(await userSessions.remove(user.id, a.session.id)).toBe(true);
      expect(await userSessions.remove(user.id, a.session.id)).toBe(false);
      expect(await userSessions.findByTokenHash(a.tokenHash)).toBeNull();
      expect(await userSessions.removeAll(user.id, { exceptId: b.session.id })).toBe(1);
      expect(await userSessions.findByTokenHash(c.tokenHash)).toBeNull();
      expect(await userSessions.removeAll(user.id)).toBe(1);
      expect(await userSessions.findByTokenHash(b.tokenHash)).toBeNull();
    });

    it('store the latest use, and are removed when unused for long', async () => {
      const { userSessions } = context.store;
      const [used, idle] = [await begin(), await begin()];
      await userSessions.recordUse(used.session.id, later(5000));
      await userSessions.recordUse(used.session.id, later(1000));
      expect((await userSessions.findByTokenHash(used.tokenHash))?.session.lastSeenAt).toEqual(later(5000));
      await userSessions.removeExpired(later(USER_SESSION_IDLE_MS));
      expect(await userSessions.findByTokenHash(idle.tokenHash)).toBeNull();
      expect(await userSessions.findByTokenHash(used.tokenHash)).not.toBeNull();
    });
  });

  describe('links that set a password', () => {
    const create = async (expiresAt = later(1)) => {
      const tokenHash = hashSecret(generateSecret());
      await context.store.passwordResets.create({ userId: user.id, tokenHash, expiresAt });
      return tokenHash;
    };

    it('work once, and end every session', async () => {
      const { passwordResets, users, userSessions } = context.store;
      const hash = await create();
      const { tokenHash } = await begin();
      expect(await passwordResets.find(hash, NOW)).toEqual(user);
      const both = await Promise.all([
        passwordResets.redeem(hash, 'new-1', NOW),
        passwordResets.redeem(hash, 'new-2', NOW),
      ]);
      expect(both.filter((redeemed) => redeemed !== null)).toEqual([user]);
      expect((await users.findWithPassword(user.id))?.passwordHash).toBe(
        both[0] === null ? 'new-2' : 'new-1',
      );
      expect(await userSessions.findByTokenHash(tokenHash)).toBeNull();
      expect(await passwordResets.find(hash, NOW)).toBeNull();
    });

    it('stop working when they expire, or another is created', async () => {
      const { passwordResets } = context.store;
      const expired = await create(NOW);
      expect(await passwordResets.find(expired, NOW)).toBeNull();
      expect(await passwordResets.redeem(expired, 'new', NOW)).toBeNull();
      const first = await create();
      const second = await create();
      expect(await passwordResets.find(first, NOW)).toBeNull();
      expect(await passwordResets.removeExpired(NOW)).toBe(0);
      expect(await passwordResets.find(second, NOW)).toEqual(user);
      expect(await passwordResets.removeExpired(later(1))).toBe(1);
    });
  });
});
