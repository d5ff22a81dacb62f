import { generateSecret, hashSecret, type Preview, type VisitLimits } from '@culvert/domain';
import { createTestDatabase } from '@culvert/testkit';
import { beforeEach, expect, it } from 'vitest';
import {
  createMember,
  createPreview,
  createTenant,
  describeOnEveryDatabase,
  type Tenant,
} from './spec/databases.js';

const HOUR_MS = 3_600_000;
const LIMITS: VisitLimits = { perShareLink: 2, byShareLinks: 6, byGuests: 10, perPerson: 3 };

describeOnEveryDatabase('a browser in a preview', createTestDatabase, (context) => {
  let tenant: Tenant;
  let preview: Preview;
  const now = new Date();
  const later = new Date(now.getTime() + HOUR_MS);

  beforeEach(async () => {
    tenant = await createTenant(context.store);
    preview = await createPreview(context.store, tenant, { allowedEmails: [], allowedDomains: [] });
  });

  /** Creates a person in a web session, and the visit that depends on it. */
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
    expect(await previewVisits.create({ ...draft, admittedBy }, LIMITS, now)).toBe('created');
    return { user, session, hash, find: (at = now) => previewVisits.findUsable(hash, at) };
  }

  it('stays while its person is a member, until its expiry', async () => {
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
    const { by } = await createMember(context.store, tenant.team.id, 'member');
    const link = (await shareLinks.create(tenant.team.id, preview.id, draft, { by, max: 1 }))!;
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
      LIMITS,
      now,
    );
    expect(await previewVisits.findUsable(hash, now)).toMatchObject({ userId: null, expiresAt: later });
    expect(await previewVisits.findUsable(hash, later)).toBeNull();
    await shareLinks.revoke(tenant.team.id, preview.id, link.id, now);
    expect(await previewVisits.findUsable(hash, now)).toBeNull();
  });

  /** Creates a share link, and a way to begin a visit with it. */
  async function shareLink(limits = LIMITS) {
    const { shareLinks, previewVisits } = context.store;
    const draft = { name: 'x', hint: 'x', hash: hashSecret(generateSecret()), expiresAt: later };
    const { by } = await createMember(context.store, tenant.team.id, 'member');
    const { id } = (await shareLinks.create(tenant.team.id, preview.id, draft, { by, max: 100 }))!;
    const open = () =>
      previewVisits.create(
        {
          hash: hashSecret(generateSecret()),
          teamId: tenant.team.id,
          previewId: preview.id,
          admittedBy: { shareLinkId: id },
          expiresAt: later,
        },
        limits,
        now,
      );
    const revoke = () => shareLinks.revoke(tenant.team.id, preview.id, id, now);
    return { open, revoke };
  }

  it('does not begin by a share link that has reached its limit, and begins by another', async () => {
    const [first, second] = [await shareLink(), await shareLink()];
    for (let i = 0; i < LIMITS.perShareLink; i++) expect(await first.open()).toBe('created');
    expect(await first.open()).toBe('link_full');
    expect(await second.open()).toBe('created');
  });

  it('does not count for the preview once its share link is revoked', async () => {
    const links = [await shareLink(), await shareLink(), await shareLink()];
    for (const { open } of links) for (let i = 0; i < LIMITS.perShareLink; i++) await open();
    const last = await shareLink();
    expect(await last.open()).toBe('preview_full');
    await links[0].revoke();
    expect(await last.open()).toBe('created');
  });

  it('always begins for a member, and ends their oldest visit instead', async () => {
    const { open } = await shareLink({ ...LIMITS, perShareLink: 100 });
    while ((await open()) === 'created');
    const first = await visit();
    await context.store.users.addMembership(tenant.team.id, first.user.id, 'member');
    const hashes = [first.hash];
    for (let i = 1; i <= LIMITS.perPerson; i++) {
      const hash = hashSecret(generateSecret());
      hashes.push(hash);
      const admittedBy = { userId: first.user.id, userSessionId: first.session.id };
      const draft = { hash, teamId: tenant.team.id, previewId: preview.id, admittedBy, expiresAt: later };
      const at = new Date(now.getTime() + i);
      expect(await context.store.previewVisits.create(draft, { ...LIMITS, byGuests: 0 }, at)).toBe('created');
    }
    const found = await Promise.all(hashes.map((hash) => context.store.previewVisits.findUsable(hash, now)));
    expect(found.map((each) => each !== null)).toEqual([
      false,
      ...Array<boolean>(LIMITS.perPerson).fill(true),
    ]);
  });

  it('does not begin for a guest beyond the limit, and is removed when it is over', async () => {
    const { user, session } = await visit();
    const draft = { teamId: tenant.team.id, previewId: preview.id, expiresAt: later };
    const admittedBy = { userId: user.id, userSessionId: session.id };
    const hash = hashSecret(generateSecret());
    const limits = { ...LIMITS, byGuests: 1 };
    const create = () => context.store.previewVisits.create({ ...draft, hash, admittedBy }, limits, now);
    expect(await create()).toBe('preview_full');
    expect(await context.store.previewVisits.removeExpired(later)).toBeGreaterThanOrEqual(1);
    expect(await create()).toBe('created');
  });

  it('begins with a code that works once, and only in time', async () => {
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
    const taken = await Promise.all([
      previewVisits.consumeCode(first, now),
      previewVisits.consumeCode(first, now),
    ]);
    expect(taken.filter((code) => code !== null)).toMatchObject([{ nonceHash: draft.nonceHash }]);
    expect(await previewVisits.consumeCode(second, later)).toBeNull();
    expect(await previewVisits.consumeCode(second, now)).toBeNull();
  });
});
