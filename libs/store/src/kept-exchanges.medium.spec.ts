import { randomUUID } from 'node:crypto';
import type { KeepPolicy, KeptExchangeDraft, Preview } from '@culvert/domain';
import { createTestDatabase } from '@culvert/testkit';
import { beforeEach, expect, it } from 'vitest';
import { createPreview, createTenant, describeOnEveryDatabase, type Tenant } from './spec/databases.js';

const POLICY: KeepPolicy = { maxCount: 10, maxHours: 24, bodies: true, redactedNames: [] };
const NOW = new Date(Date.UTC(2026, 0, 1, 12));
const later = (hours: number) => new Date(NOW.getTime() + hours * 3_600_000);

describeOnEveryDatabase('kept exchanges', createTestDatabase, (context) => {
  let tenant: Tenant;
  let preview: Preview;
  let teamId: string;
  let keyId: string;
  let version: number;

  const setPolicy = async (policy: KeepPolicy | null) => {
    const hostnames = await context.store.teams.setKeepPolicy(teamId, policy);
    version++;
    return hostnames;
  };
  const draft = (n: number, change: Partial<KeptExchangeDraft> = {}): KeptExchangeDraft => ({
    id: randomUUID(),
    startedAt: new Date(NOW.getTime() + n),
    omitted: 0,
    keyId,
    sealed: Buffer.from([n]),
    sealedBodies: Buffer.from('body'),
    ...change,
  });
  const add = (drafts: KeptExchangeDraft[], policyVersion = version) =>
    context.store.keptExchanges.add(teamId, preview.id, { policyVersion, at: NOW, drafts });
  const list = (now = NOW, withBodies = false) =>
    context.store.keptExchanges.list(teamId, preview.id, { limit: 100, withBodies, now });
  const numbers = async (now = NOW) => (await list(now)).map(({ sealed }) => sealed?.[0]);

  beforeEach(async () => {
    await context.store.keptExchanges.removeExpired(later(1000), 1000);
    tenant = await createTenant(context.store);
    teamId = tenant.team.id;
    version = 0;
    await setPolicy(POLICY);
    preview = await createPreview(context.store, tenant);
    await context.store.previews.update(teamId, preview.id, { keep: { count: 3, hours: 2 } });
    keyId = randomUUID();
    const key = { id: keyId, sealedWith: 'k', sealed: Buffer.from('key') };
    expect(await context.store.keptExchanges.addKey(teamId, preview.id, key)).toBe(true);
  });

  it('are the newest of a preview, with what was sealed', async () => {
    expect(await add([draft(1), draft(2), draft(3)])).toBe(true);
    expect(await add([draft(4), draft(5)])).toBe(true);
    expect(await numbers()).toEqual([5, 4, 3]);
    const [first] = await list(NOW, true);
    expect(first).toMatchObject({ hasBodies: true, keyId, expiresAt: later(2) });
    expect(Buffer.from(first.sealedBodies!).toString()).toBe('body');
    expect((await list())[0]).toMatchObject({ hasBodies: true, sealedBodies: null });
    const page = { limit: 2, withBodies: false, now: NOW, cursor: first.cursor };
    expect(await context.store.keptExchanges.list(teamId, preview.id, page)).toHaveLength(2);
  });

  it('stay within their number when several edges add at the same time', async () => {
    await Promise.all(
      Array.from({ length: 8 }, (_, edge) =>
        add(Array.from({ length: 5 }, (_each, n) => draft(edge * 5 + n))),
      ),
    );
    await add([draft(100)]);
    expect(await numbers()).toEqual([100, 39, 38]);
  });

  it('are the last that were kept: one that lasted for long goes after those that ended before it', async () => {
    await add([draft(1), draft(2), draft(3)]);
    const lasted = draft(0);
    const batch = { policyVersion: version, at: later(1), drafts: [lasted] };
    expect(await context.store.keptExchanges.add(teamId, preview.id, batch)).toBe(true);
    expect(await numbers()).toEqual([3, 2, 0]);
    await context.store.previews.update(teamId, preview.id, { keep: { count: 1, hours: 2 } });
    expect(await numbers()).toEqual([0]);
  });

  it('are not added twice, nor under an old policy, nor to a preview that keeps none', async () => {
    const once = draft(1);
    await add([once]);
    await add([once]);
    expect(await numbers()).toEqual([1]);
    expect(await add([draft(2)], version - 1)).toBe(false);
    await context.store.previews.update(teamId, preview.id, { keep: null });
    expect(await add([draft(3)])).toBe(false);
    expect(await numbers()).toEqual([]);
  });

  it('expire, and are removed in steps', async () => {
    await add([draft(1), draft(2), draft(3)]);
    expect(await numbers(later(1.9))).toHaveLength(3);
    expect(await numbers(later(2))).toEqual([]);
    const { keptExchanges } = context.store;
    expect(await keptExchanges.find(teamId, preview.id, (await list())[0].id, later(2))).toBeNull();
    expect(await keptExchanges.removeExpired(later(2), 2)).toBe(2);
    expect(await keptExchanges.removeExpired(later(2), 2)).toBe(1);
    expect(await numbers()).toEqual([]);
  });

  it('lose what a lower policy does not allow', async () => {
    await add([draft(1), draft(2), draft(3)]);
    expect(await setPolicy({ ...POLICY, maxCount: 2, maxHours: 1, bodies: false })).toEqual([
      preview.hostname,
    ]);
    expect(await context.store.previews.find(teamId, preview.id)).toMatchObject({
      keep: { count: 2, hours: 1 },
    });
    expect(await numbers()).toEqual([3, 2]);
    const [first] = await list(NOW, true);
    expect(first).toMatchObject({ hasBodies: false, sealedBodies: null, expiresAt: later(1) });
    // A name that was not redacted before may be in any of them.
    await setPolicy({ ...POLICY, redactedNames: ['x-secret'] });
    expect(await numbers()).toEqual([]);
    expect(await add([draft(4)])).toBe(true);
    await setPolicy(null);
    expect(await context.store.previews.find(teamId, preview.id)).toMatchObject({ keep: null });
    expect(await numbers()).toEqual([]);
    expect(await context.store.teams.find(teamId)).toMatchObject({ keepPolicy: null });
  });

  it('lose what a lower setting of their preview does not allow', async () => {
    await add([draft(1), draft(2), draft(3)]);
    await context.store.previews.update(teamId, preview.id, { keep: { count: 1, hours: 1 } });
    expect(await numbers()).toEqual([3]);
    expect(await numbers(later(1))).toEqual([]);
  });

  it('tell routes how they are kept, within the policy, and that pages have to say so', async () => {
    await context.store.previews.update(teamId, preview.id, { displayBanner: false });
    const { keep, banner } = (await context.store.previews.findRoute(preview.hostname))!;
    expect(keep).toEqual({ count: 3, hours: 2, bodies: true, redactedNames: [], policyVersion: version });
    expect(banner).toMatchObject({ isKept: true });
    await setPolicy(null);
    expect(await context.store.previews.findRoute(preview.hostname)).toMatchObject({
      keep: null,
      banner: null,
    });
  });

  it('are invisible to other teams, which can neither add nor remove any', async () => {
    const kept = draft(1);
    await add([kept]);
    const other = await createTenant(context.store);
    await context.store.teams.setKeepPolicy(other.team.id, POLICY);
    const { keptExchanges } = context.store;
    const page = { limit: 10, withBodies: true, now: NOW };
    expect(await keptExchanges.list(other.team.id, preview.id, page)).toEqual([]);
    expect(await keptExchanges.find(other.team.id, preview.id, kept.id, NOW)).toBeNull();
    expect(await keptExchanges.findKeys(other.team.id, preview.id)).toEqual([]);
    expect(await keptExchanges.remove(other.team.id, preview.id, kept.id)).toBe(false);
    expect(await keptExchanges.removeAll(other.team.id, preview.id)).toBe(0);
    const key = { id: randomUUID(), sealedWith: 'k', sealed: Buffer.from('key') };
    expect(await keptExchanges.addKey(other.team.id, preview.id, key)).toBe(false);
    const batch = { policyVersion: 1, at: NOW, drafts: [draft(2)] };
    expect(await keptExchanges.add(other.team.id, preview.id, batch)).toBe(false);
    expect(await numbers()).toEqual([1]);
  });

  it('go with their preview and its data keys', async () => {
    await add([draft(1)]);
    await context.store.previews.remove(teamId, preview.id);
    expect(await numbers()).toEqual([]);
    expect(await context.store.keptExchanges.findKeys(teamId, preview.id)).toEqual([]);
    expect(await add([draft(2)])).toBe(false);
  });

  it('get their data keys replaced in steps', async () => {
    const { keptExchanges } = context.store;
    const mine = async (after: string | null = null) =>
      (await keptExchanges.findKeysToReseal('new', 1000, after)).filter((key) => key.teamId === teamId);
    expect(await mine()).toMatchObject([{ id: keyId, previewId: preview.id, sealedWith: 'k' }]);
    expect(await mine(keyId)).toEqual([]);
    await keptExchanges.replaceKey(teamId, { id: keyId, sealedWith: 'new', sealed: Buffer.from('again') });
    expect(await mine()).toEqual([]);
    expect((await keptExchanges.findKeys(teamId, preview.id))[0]).toMatchObject({ sealedWith: 'new' });
  });
});
