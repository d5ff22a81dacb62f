import { generateSecret, hashSecret, type Preview } from '@culvert/domain';
import { createTestDatabase } from '@culvert/testkit';
import { beforeEach, expect, it } from 'vitest';
import { createPreview, createTenant, describeOnEveryDatabase, type Tenant } from './spec/databases.js';

const HOUR_MS = 3_600_000;

describeOnEveryDatabase('a browser in a preview', createTestDatabase, (context) => {
  let tenant: Tenant;
  let preview: Preview;
  const now = new Date();
  const later = new Date(now.getTime() + HOUR_MS);

  beforeEach(async () => {
    tenant = await createTenant(context.store);
    preview = await createPreview(context.store, tenant, { allowedEmails: [], allowedDomains: [] });
  });

  /** Somebody in a web session, and the visit they have by it. */
  async function visit(email = `${generateSecret()}@shop.test`) {
    const { users, userSessions, previewVisits } = context.store;
    const user = await users.findOrCreate(email.toLowerCase(), 'Jo');
    const tokenHash = hashSecret(generateSecret());
    const session = await userSessions.create({
      userId: user.id,
      tokenHash,
      at: now,
      address: null,
      userAgent: '',
    });
    const hash = hashSecret(generateSecret());
    const draft = { hash, teamId: tenant.team.id, previewId: preview.id, expiresAt: later };
    const admittedBy = { userId: user.id, userSessionId: session.id };
    expect(await previewVisits.create({ ...draft, admittedBy }, 10, now)).toBe(true);
    return { user, session, hash, find: (at = now) => previewVisits.findUsable(hash, at) };
  }

  it('stays while its person is a member, no longer than it was to', async () => {
    const { user, find } = await visit();
    expect(await find()).toBeNull();
    await context.store.users.addMembership(tenant.team.id, user.id, 'member');
    expect(await find()).toMatchObject({ previewId: preview.id, userId: user.id, expiresAt: later });
    expect(await find(later)).toBeNull();
    await context.pool.query('DELETE FROM membership WHERE user_id = $1', [user.id]);
    expect(await find()).toBeNull();
  });

  it('stays while the preview names the address or its domain', async () => {
    const { find } = await visit(`${generateSecret('jo')}@client.test`);
    const set = (allowedDomains: string[]) =>
      context.store.previews.update(tenant.team.id, preview.id, { allowedDomains });
    await set(['other.test', 'sub.client.test']);
    expect(await find()).toBeNull();
    await set(['client.test']);
    expect(await find()).not.toBeNull();
  });

  it('ends with the web session', async () => {
    const { user, session, find } = await visit();
    await context.store.users.addMembership(tenant.team.id, user.id, 'member');
    await context.store.userSessions.remove(user.id, session.id);
    expect(await find()).toBeNull();
  });

  it('ends with its share link', async () => {
    const { shareLinks, previewVisits } = context.store;
    const draft = { name: 'x', hint: 'x', hash: hashSecret(generateSecret()), expiresAt: later };
    const link = (await shareLinks.create(tenant.team.id, preview.id, draft))!;
    const hash = hashSecret(generateSecret());
    const expiresAt = new Date(later.getTime() + HOUR_MS);
    await previewVisits.create(
      {
        hash,
        teamId: tenant.team.id,
        previewId: preview.id,
        admittedBy: { shareLinkId: link.id },
        expiresAt,
      },
      10,
      now,
    );
    expect(await previewVisits.findUsable(hash, now)).toMatchObject({ userId: null, expiresAt: later });
    expect(await previewVisits.findUsable(hash, later)).toBeNull();
    await shareLinks.revoke(tenant.team.id, preview.id, link.id, now);
    expect(await previewVisits.findUsable(hash, now)).toBeNull();
  });

  it('does not begin when the preview has as many as it may, and is removed when it is over', async () => {
    const { user, session } = await visit();
    const draft = { teamId: tenant.team.id, previewId: preview.id, expiresAt: later };
    const admittedBy = { userId: user.id, userSessionId: session.id };
    const hash = hashSecret(generateSecret());
    expect(await context.store.previewVisits.create({ ...draft, hash, admittedBy }, 1, now)).toBe(false);
    expect(await context.store.previewVisits.removeExpired(later)).toBeGreaterThanOrEqual(1);
    expect(await context.store.previewVisits.create({ ...draft, hash, admittedBy }, 1, now)).toBe(true);
  });

  it('comes in by a code that one of two takes, and not when it is late', async () => {
    const { user, session } = await visit();
    const { previewVisits } = context.store;
    const draft = {
      teamId: tenant.team.id,
      previewId: preview.id,
      nonceHash: hashSecret('nonce'),
      userId: user.id,
      userSessionId: session.id,
      expiresAt: later,
    };
    const [first, second] = [hashSecret(generateSecret()), hashSecret(generateSecret())];
    expect(await previewVisits.createCode({ ...draft, hash: first })).toBe(true);
    expect(await previewVisits.createCode({ ...draft, hash: second })).toBe(true);
    const taken = await Promise.all([previewVisits.takeCode(first, now), previewVisits.takeCode(first, now)]);
    expect(taken.filter((code) => code !== null)).toMatchObject([{ nonceHash: draft.nonceHash }]);
    expect(await previewVisits.takeCode(second, later)).toBeNull();
    expect(await previewVisits.takeCode(second, now)).toBeNull();
  });
});
