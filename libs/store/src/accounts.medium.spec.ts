import { readdir, readFile } from 'node:fs/promises';
import { randomUUID } from 'node:crypto';
import { InvalidTextError, type ApiKey, type AuditEventDraft } from '@culvert/domain';
import { createTestDatabase } from '@culvert/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  apiKeyDraft,
  createTenant,
  describeOnEveryDatabase,
  interceptDraft,
  interceptId,
  previewDraft,
  type Tenant,
} from './spec/databases.js';

const UNKNOWN = '01890000-0000-7000-8000-000000000000';

describeOnEveryDatabase('teams, people and keys', createTestDatabase, (context) => {
  let tenant: Tenant;

  // First in the file: it needs a database without a team.
  describe('bootstrap', () => {
    it('creates team, owner and key once, however many processes start at once', async () => {
      const { bootstrap, teams, users, apiKeys } = context.store;
      const starts = await Promise.all(
        [1, 2, 3, 4].map((n) =>
          bootstrap.createFirst({
            teamName: `team ${n}`,
            email: `owner-${n}@example.test`,
            passwordHash: '$argon2id$…',
            apiKey: apiKeyDraft(),
          }),
        ),
      );
      const created = starts.filter((start) => start !== null);
      expect(created).toHaveLength(1);
      const { team, owner, apiKey } = created[0];
      expect(await teams.find(team.id)).toEqual(team);
      expect(await users.findByEmail(owner.email)).toEqual({ ...owner, passwordHash: '$argon2id$…' });
      expect(owner).not.toHaveProperty('passwordHash');
      expect(await users.memberships(owner.id)).toEqual([
        { teamId: team.id, userId: owner.id, role: 'owner', createdAt: expect.any(Date) as Date },
      ]);
      expect(await apiKeys.find(team.id, apiKey.id)).toEqual(apiKey);
      const { rows } = await context.pool.query('SELECT count(*)::int AS people FROM "user"');
      expect(rows).toEqual([{ people: 1 }]);
    });
  });

  describe('users', () => {
    it('changes the role of a member of this team only', async () => {
      const { users, teams } = context.store;
      const { rows } = await context.pool.query<{ team_id: string; user_id: string }>(
        'SELECT * FROM membership',
      );
      const { team_id: teamId, user_id: userId } = rows[0];
      expect(await users.setRole(teamId, userId, 'admin')).toMatchObject({ teamId, userId, role: 'admin' });
      expect(await users.memberships(userId)).toMatchObject([{ role: 'admin' }]);
      const other = await teams.create('other');
      expect(await users.setRole(other.id, userId, 'owner')).toBeNull();
      expect(await users.setRole(teamId, UNKNOWN, 'owner')).toBeNull();
    });

    it('finds no one by an invalid address or id', async () => {
      const { users } = context.store;
      expect(await users.findByEmail('nobody@example.test')).toBeNull();
      expect(await users.findByEmail('a\0b')).toBeNull();
      expect(await users.findByEmail('x'.repeat(5000))).toBeNull();
      expect(await users.memberships('nobody')).toEqual([]);
      expect(await users.setRole('x', 'y', 'member')).toBeNull();
    });
  });

  describe('teams', () => {
    it('finds no team by an invalid id', async () => {
      for (const id of ['', 'x', UNKNOWN, `${UNKNOWN}0`, 'a\0', "' OR 1=1 --"]) {
        expect(await context.store.teams.find(id)).toBeNull();
      }
    });

    it('removes everything of a removed team', async () => {
      const { store, pool } = context;
      const { team, apiKey } = await createTenant(store);
      await store.auditEvents.append({
        teamId: team.id,
        actor: { kind: 'system', id: null, address: null },
        action: 'api-key.create',
        targetId: apiKey.id,
        targetName: apiKey.name,
        before: null,
        after: null,
      });
      await pool.query('DELETE FROM team WHERE id = $1', [team.id]);
      expect(await store.apiKeys.find(team.id, apiKey.id)).toBeNull();
      expect(await store.trafficManagers.list(team.id, { limit: 1 })).toEqual({
        items: [],
        nextCursor: null,
      });
      expect(await store.auditEvents.list(team.id, { limit: 1 })).toEqual({ items: [], nextCursor: null });
    });
  });

  describe('API keys', () => {
    beforeEach(async () => {
      tenant = await createTenant(context.store);
    });

    it('reads back what was stored, and never the hash', async () => {
      const { apiKeys } = context.store;
      const draft = apiKeyDraft({ expiresAt: new Date('2030-01-02T03:04:05.678Z'), name: 'ключ 🔑' });
      const created = await apiKeys.create(tenant.team.id, draft);
      const { hash, ...rest } = draft;
      expect(created).toEqual({
        ...rest,
        id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        teamId: tenant.team.id,
        revokedAt: null,
        lastUsedAt: null,
        lastUsedAddress: null,
        createdByUserId: null,
        createdByApiKeyId: null,
        workloadIdentityId: null,
        replacesId: null,
        createdAt: expect.any(Date) as Date,
      });
      expect(await apiKeys.find(tenant.team.id, created.id)).toEqual(created);
      expect(await apiKeys.findByHash(hash)).toEqual(created);
      expect(await apiKeys.findByHash(hash.toUpperCase())).toBeNull();
      expect(await apiKeys.findByHash('\0')).toBeNull();
    });

    it('returns no scope that this version does not know', async () => {
      const { apiKeys } = context.store;
      await context.pool.query('UPDATE api_key SET scopes = $2 WHERE id = $1', [
        tenant.apiKey.id,
        ['from:a:newer:version', 'tunnel'],
      ]);
      expect((await apiKeys.find(tenant.team.id, tenant.apiKey.id))?.scopes).toEqual(['tunnel']);
    });

    it('renames a key', async () => {
      const { apiKeys } = context.store;
      expect(await apiKeys.rename(tenant.team.id, tenant.apiKey.id, 'new')).toEqual({
        ...tenant.apiKey,
        name: 'new',
      });
      expect(await apiKeys.rename(tenant.team.id, UNKNOWN, 'new')).toBeNull();
      expect(await apiKeys.rename(tenant.team.id, 'x', 'new')).toBeNull();
    });

    it('keeps the first date of a revocation', async () => {
      const { apiKeys } = context.store;
      const first = new Date('2026-01-01T00:00:00.001Z');
      const { id } = tenant.apiKey;
      const apiKey = { ...tenant.apiKey, revokedAt: first };
      expect(await apiKeys.revoke(tenant.team.id, id, first)).toEqual({ apiKey, revokedApiKeyIds: [id] });
      expect(await apiKeys.revoke(tenant.team.id, id, new Date())).toEqual({ apiKey, revokedApiKeyIds: [] });
      expect(await apiKeys.revoke(tenant.team.id, UNKNOWN, first)).toBeNull();
    });

    it('stores the latest use', async () => {
      const { apiKeys } = context.store;
      const [early, late] = [new Date('2026-01-01T10:00:00Z'), new Date('2026-01-01T11:00:00Z')];
      await apiKeys.recordUse(tenant.apiKey.id, late);
      await apiKeys.recordUse(tenant.apiKey.id, early);
      await apiKeys.recordUse(UNKNOWN, late);
      await apiKeys.recordUse('x', late);
      expect((await apiKeys.find(tenant.team.id, tenant.apiKey.id))?.lastUsedAt).toEqual(late);
    });

    it('records the use of keys that were not used lately, and keeps their addresses', async () => {
      const { apiKeys } = context.store;
      const at = (minutes: number) => new Date(Date.UTC(2026, 0, 1, 12, minutes));
      const create = () => apiKeys.create(tenant.team.id, apiKeyDraft({}));
      const [old, recent, never] = [await create(), await create(), await create()];
      await apiKeys.recordUse(old.id, at(0), '192.0.2.1');
      await apiKeys.recordUse(recent.id, at(1), '192.0.2.2');
      await apiKeys.prolongUse([old.id, recent.id, never.id, UNKNOWN, 'x'], at(2), at(1));
      await apiKeys.prolongUse([], at(3), at(3));
      const uses = [];
      for (const { id } of [old, recent, never]) {
        const { lastUsedAt, lastUsedAddress } = (await apiKeys.find(tenant.team.id, id))!;
        uses.push([lastUsedAt, lastUsedAddress]);
      }
      expect(uses).toEqual([
        [at(2), '192.0.2.1'],
        [at(1), '192.0.2.2'],
        [at(2), null],
      ]);
    });

    it('reports which keys may no longer be used', async () => {
      const { apiKeys } = context.store;
      const now = new Date('2026-06-01T00:00:00Z');
      const create = (expiresAt: Date | null) => apiKeys.create(tenant.team.id, apiKeyDraft({ expiresAt }));
      const valid = await create(new Date(now.getTime() + 1));
      const expired = await create(now);
      const revoked = await create(null);
      await apiKeys.revoke(tenant.team.id, revoked.id, now);
      const ids = [valid, expired, revoked, tenant.apiKey].map((key: ApiKey) => key.id);
      expect(await apiKeys.findUnusable([...ids, UNKNOWN, 'x', valid.id.toUpperCase()], now)).toEqual([
        expired.id,
        revoked.id,
        UNKNOWN,
        'x',
      ]);
      expect(await apiKeys.findUnusable([], now)).toEqual([]);
    });

    it('checks tens of thousands of keys at once', async () => {
      const ids = Array.from(
        { length: 70_000 },
        (_, n) => `01890000-0000-7000-8000-${String(n).padStart(12, '0')}`,
      );
      expect(await context.store.apiKeys.findUnusable([tenant.apiKey.id, ...ids], new Date())).toEqual(ids);
    });

    it.each([
      ['NUL', 'a\0b'],
      ['a lone surrogate', 'a\ud800b'],
    ])('refuses %s in text with a typed error', async (_what, name) => {
      const { apiKeys } = context.store;
      await expect(apiKeys.create(tenant.team.id, apiKeyDraft({ name }))).rejects.toBeInstanceOf(
        InvalidTextError,
      );
      await expect(apiKeys.rename(tenant.team.id, tenant.apiKey.id, name)).rejects.toBeInstanceOf(
        InvalidTextError,
      );
      expect(await apiKeys.find(tenant.team.id, tenant.apiKey.id)).toEqual(tenant.apiKey);
    });
  });

  describe('audit events', () => {
    beforeEach(async () => {
      tenant = await createTenant(context.store);
    });

    it('reads back what was appended, newest first', async () => {
      const { auditEvents } = context.store;
      const base = { teamId: tenant.team.id, targetId: 'anything', targetName: 'Any "thing"' };
      const first = {
        ...base,
        actor: { kind: 'api-key', id: tenant.apiKey.id, address: '2001:db8::1' },
        action: 'preview.update',
        before: { access: 'team', nested: { list: [1, null, 'ü'] } },
        after: { access: 'public' },
      } as const;
      const second = {
        ...base,
        actor: { kind: 'system', id: null, address: null },
        action: 'session.end',
        before: null,
        after: null,
      } as const;
      await auditEvents.append(first);
      await auditEvents.append(second);
      const stamped = { id: expect.any(String) as string, at: expect.any(Date) as Date };
      expect(await auditEvents.list(tenant.team.id, { limit: 10 })).toEqual({
        items: [
          { ...second, ...stamped, actor: { ...second.actor, name: null } },
          { ...first, ...stamped, actor: { ...first.actor, name: tenant.apiKey.name } },
        ],
        nextCursor: null,
      });
    });

    const append = (event: Partial<AuditEventDraft>) =>
      context.store.auditEvents.append({
        teamId: tenant.team.id,
        actor: { kind: 'system', id: null, address: null },
        action: 'api-key.revoke',
        targetId: UNKNOWN,
        targetName: null,
        before: null,
        after: null,
        ...event,
      });

    it('keeps the names of actors at that time, whatever becomes of them', async () => {
      const { store } = context;
      const user = await store.users.findOrCreate(`${randomUUID()}@example.test`, '');
      await append({ actor: { kind: 'user', id: user.id, address: null } });
      await append({ actor: { kind: 'api-key', id: tenant.apiKey.id, address: null } });
      await store.apiKeys.rename(tenant.team.id, tenant.apiKey.id, 'Renamed');
      await append({ actor: { kind: 'api-key', id: tenant.apiKey.id, address: null } });
      await append({ actor: { kind: 'api-key', id: UNKNOWN, address: null } });
      const { items } = await store.auditEvents.list(tenant.team.id, { limit: 10 });
      expect(items.map(({ actor }) => actor.name)).toEqual([null, 'Renamed', tenant.apiKey.name, user.email]);
    });

    it('finds events only by text in the name of their target, in any case', async () => {
      const { auditEvents } = context.store;
      for (const targetName of ['Staging', 'staging-2', '100%', 'a_b', null]) await append({ targetName });
      const found = async (name: string) =>
        (await auditEvents.list(tenant.team.id, { limit: 10 }, { name })).items.map(
          ({ targetName }) => targetName,
        );
      expect(await found('STAGING')).toEqual(['staging-2', 'Staging']);
      expect(await found('%')).toEqual(['100%']);
      expect(await found('_')).toEqual(['a_b']);
      expect(await found('\0')).toEqual([]);
    });

    it('knows which targets of events still exist, in this team only', async () => {
      const { store } = context;
      const { team, manager, apiKey } = tenant;
      const intercept = await store.intercepts.create(team.id, interceptId(), interceptDraft(tenant));
      const preview = await store.previews.create(team.id, previewDraft({ interceptId: intercept!.id }));
      const things = [
        { resource: 'api-key', id: apiKey.id },
        { resource: 'intercept', id: intercept!.id },
        { resource: 'preview', id: preview!.id },
        { resource: 'traffic-manager', id: manager.id },
      ] as const;
      const asked = [
        ...things,
        { resource: 'member', id: UNKNOWN },
        { resource: 'preview', id: 'x' },
      ] as const;
      expect(await store.auditEvents.findExisting(team.id, asked)).toEqual(things);
      await store.previews.remove(team.id, preview!.id);
      expect(await store.auditEvents.findExisting(team.id, things)).not.toContainEqual(things[2]);
      const other = await createTenant(store);
      expect(await store.auditEvents.findExisting(other.team.id, things)).toEqual([]);
    });

    it('fills in the names that are still known for events that were written without', async () => {
      const { store, pool } = context;
      const user = await store.users.findOrCreate(`${randomUUID()}@example.test`, 'Ann');
      const by = (kind: 'user' | 'api-key', id: string) => ({ kind, id, address: null });
      await append({ actor: by('user', user.id), targetId: tenant.apiKey.id });
      await append({ action: 'preview.delete', before: { hostname: 'shop.example', name: 'x' } });
      await append({ action: 'member.remove', before: { email: 'ann@example.test' } });
      await append({
        action: 'traffic-manager.update',
        actor: by('api-key', tenant.apiKey.id),
        after: { name: 'lab' },
      });
      await append({ action: 'user.sign-in' });
      await pool.query('UPDATE audit_event SET actor_name = NULL, target_name = NULL');
      const folder = new URL('../../../prisma/migrations/', import.meta.url);
      const [name = ''] = (await readdir(folder)).filter((each) => each.endsWith('_audit_event_names'));
      const sql = await readFile(new URL(`${name}/migration.sql`, folder), 'utf8');
      await pool.query(sql.slice(sql.indexOf('UPDATE')));
      const { items } = await store.auditEvents.list(tenant.team.id, { limit: 10 });
      expect(items.map(({ actor, targetName }) => [actor.name, targetName])).toEqual([
        [null, null],
        [tenant.apiKey.name, 'lab'],
        [null, 'ann@example.test'],
        [null, 'shop.example'],
        ['Ann', tenant.apiKey.name],
      ]);
    });

    it('refuses text that jsonb cannot hold with a typed error', async () => {
      const event = {
        teamId: tenant.team.id,
        actor: { kind: 'user', id: UNKNOWN, address: null },
        action: 'x.y',
        targetId: 'x',
        targetName: null,
        before: null,
      } as const;
      for (const after of [{ deep: [{ text: '\0' }] }, { '\0': 1 }, { text: '\udfff' }]) {
        await expect(context.store.auditEvents.append({ ...event, after })).rejects.toBeInstanceOf(
          InvalidTextError,
        );
      }
    });
  });

  it('a store answers a ping', async () => {
    await expect(context.store.ping()).resolves.toBeUndefined();
  });
});
