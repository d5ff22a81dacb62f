import type { ApiKey } from '@culvert/domain';
import { createTestDatabase } from '@culvert/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  apiKeyDraft,
  createMember,
  createPreview,
  createTenant,
  describeOnEveryDatabase,
  registration,
  type Tenant,
} from './spec/databases.js';

const PAGE = { limit: 50 };
const LONG_AGO = new Date(Date.UTC(2020, 0, 1));
const BEFORE = new Date(Date.UTC(2021, 0, 1));
const RECENT = new Date(Date.UTC(2022, 0, 1));

describeOnEveryDatabase('old records', createTestDatabase, (context) => {
  let tenants: [Tenant, Tenant];

  beforeEach(async () => {
    tenants = [await createTenant(context.store), await createTenant(context.store)];
  });

  /** Calls `remove` until it removes nothing. Returns how many each call removed. */
  async function removeAll(remove: (before: Date, max: number) => Promise<number>, max: number) {
    const counts: number[] = [];
    for (;;) {
      const count = await remove(BEFORE, max);
      if (count === 0) return counts;
      counts.push(count);
    }
  }

  const keysOf = async ({ team }: Tenant): Promise<ApiKey[]> =>
    (await context.store.apiKeys.list(team.id, PAGE)).items;

  describe('audit events', () => {
    it('are removed in steps, in all teams, and newer ones stay', async () => {
      const { auditEvents, oldRecords } = context.store;
      for (const { team } of tenants) {
        for (let i = 0; i < 3; i++) {
          const { id } = await auditEvents.append({
            teamId: team.id,
            actor: { kind: 'system', id: null, address: null },
            action: 'team.update',
            targetId: team.id,
            targetName: null,
            before: null,
            after: null,
          });
          await context.pool.query('UPDATE audit_event SET at = $1 WHERE id = $2', [
            i < 2 ? LONG_AGO : RECENT,
            id,
          ]);
        }
      }
      expect(await removeAll((before, max) => oldRecords.removeAuditEvents(before, max), 3)).toEqual([3, 1]);
      for (const { team } of tenants)
        expect((await auditEvents.list(team.id, PAGE)).items).toMatchObject([{ at: RECENT }]);
    });
  });

  describe('sessions', () => {
    it('are removed after their end, and those that live or ended recently stay', async () => {
      const { sessions, oldRecords } = context.store;
      const [one, other] = tenants;
      const begin = async (tenant: Tenant, end: Date | null) => {
        const { session } = await sessions.register(tenant.team.id, registration(tenant, { at: LONG_AGO }));
        if (end !== null) await sessions.end(tenant.team.id, session.id, 'left', end);
        return session.id;
      };
      await begin(one, LONG_AGO);
      const recent = await begin(one, RECENT);
      await begin(other, LONG_AGO);
      const alive = await begin(other, null);
      expect(await removeAll((before, max) => oldRecords.removeEndedSessions(before, max), 1)).toEqual([
        1, 1,
      ]);
      const left = await Promise.all(tenants.map(({ team }) => sessions.list(team.id, {}, PAGE)));
      expect(left.map(({ items }) => items.map(({ id }) => id))).toEqual([[recent], [alive]]);
    });
  });

  describe('credentials', () => {
    it('of previews are removed after they were revoked or expired', async () => {
      const { previewTokens, shareLinks, oldRecords } = context.store;
      const [tenant] = tenants;
      const { team } = tenant;
      const { by } = await createMember(context.store, team.id, 'owner');
      const preview = await createPreview(context.store, tenant);
      const making = { by, max: 50 };
      const draft = (name: string, expiresAt: Date) => ({
        name,
        hint: 'cvt_1234',
        hash: apiKeyDraft().hash,
        expiresAt,
      });
      for (const [name, expiresAt] of [
        ['expired', LONG_AGO],
        ['usable', RECENT],
      ] as const) {
        await previewTokens.create(team.id, preview.id, draft(name, expiresAt), making);
        await shareLinks.create(team.id, preview.id, draft(name, expiresAt), making);
      }
      const { id } = (await previewTokens.create(team.id, preview.id, draft('revoked', RECENT), making))!;
      await previewTokens.revoke(team.id, preview.id, id, LONG_AGO);
      await removeAll((before, max) => oldRecords.removeEndedCredentials(before, max), 10);
      const tokens = await previewTokens.list(team.id, preview.id, PAGE);
      const links = await shareLinks.list(team.id, preview.id, PAGE);
      expect([tokens, links].map(({ items }) => items.map(({ name }) => name))).toEqual([
        ['usable'],
        ['usable'],
      ]);
    });

    it('of teams are removed, and the key that replaced one forgets it', async () => {
      const { apiKeys, oldRecords } = context.store;
      const [tenant] = tenants;
      const { team, apiKey } = tenant;
      const { by } = await createMember(context.store, team.id, 'owner');
      const replaced = await apiKeys.replace(team.id, apiKey.id, apiKeyDraft({ name: 'new' }), {
        oldExpiresAt: LONG_AGO,
        now: LONG_AGO,
        by,
        max: 50,
      });
      expect(replaced).toMatchObject({ apiKey: { replacesId: apiKey.id } });
      await removeAll((before, max) => oldRecords.removeEndedCredentials(before, max), 10);
      expect(await keysOf(tenant)).toMatchObject([{ name: 'new', replacesId: null, revokedAt: null }]);
    });

    it('stay while a session used them, and while a key that they created is kept', async () => {
      const { apiKeys, sessions, oldRecords } = context.store;
      const [used, creator] = tenants;
      const { session } = await sessions.register(used.team.id, registration(used, { at: LONG_AGO }));
      await sessions.end(used.team.id, session.id, 'left', LONG_AGO);
      await apiKeys.revoke(used.team.id, used.apiKey.id, LONG_AGO);
      await apiKeys.create(
        creator.team.id,
        apiKeyDraft({ name: 'created', createdByApiKeyId: creator.apiKey.id }),
      );
      await apiKeys.revoke(creator.team.id, creator.apiKey.id, RECENT);
      await context.pool.query('UPDATE api_key SET revoked_at = $1 WHERE id = $2', [
        LONG_AGO,
        creator.apiKey.id,
      ]);
      const remove = () => removeAll((before, max) => oldRecords.removeEndedCredentials(before, max), 10);

      expect(await remove()).toEqual([]);
      await oldRecords.removeEndedSessions(BEFORE, 10);
      expect(await remove()).toEqual([1]);
      expect(await keysOf(used)).toEqual([]);
      // The creator goes after the key that it created.
      await context.pool.query('UPDATE api_key SET revoked_at = $1', [LONG_AGO]);
      expect(await remove()).toEqual(expect.arrayContaining([1]));
      expect(await keysOf(creator)).toEqual([]);
    });
  });
});
