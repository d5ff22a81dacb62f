import { randomUUID } from 'node:crypto';
import type { Session, SessionLoad, TunnelCredential } from '@culvert/domain';
import { createTestDatabase } from '@culvert/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import {
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

const UNKNOWN = '01890000-0000-7000-8000-000000000000';
const FOREIGN_KEY_VIOLATION = '23503';
const CHECK_VIOLATION = '23514';
const IDLE: SessionLoad = { streamCount: 0, roundTripMs: null, receivedBytes: 0, sentBytes: 0 };
const idle = (...ids: string[]) => new Map(ids.map((id) => [id, IDLE]));
const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds));

describeOnEveryDatabase('traffic managers and sessions', createTestDatabase, (context, kind) => {
  let tenant: Tenant;
  let teamId: string;

  beforeEach(async () => {
    tenant = await createTenant(context.store);
    teamId = tenant.team.id;
  });

  describe('traffic managers', () => {
    it('reads back what was created', async () => {
      const { trafficManagers } = context.store;
      const who = identity();
      const created = await trafficManagers.create(teamId, who);
      expect(created).toEqual({
        ...who,
        id: expect.any(String) as string,
        teamId,
        kind: 'native',
        lastSeenAt: null,
        createdAt: expect.any(Date) as Date,
      });
      expect(await trafficManagers.find(teamId, created!.id)).toEqual(created);
    });

    it('creates one per manager id and team', async () => {
      const { trafficManagers } = context.store;
      const who = identity();
      const made = await Promise.all([1, 2, 3].map(() => trafficManagers.create(teamId, who)));
      expect(made.filter((manager) => manager !== null)).toHaveLength(1);
      const other = await createTenant(context.store);
      expect(await trafficManagers.create(other.team.id, who)).not.toBeNull();
    });

    it('keeps a name that a person gave it when it registers again', async () => {
      const { trafficManagers, sessions } = context.store;
      expect((await trafficManagers.rename(teamId, tenant.manager.id, 'production'))?.name).toBe(
        'production',
      );
      await sessions.register(
        teamId,
        registration(tenant, {
          identity: { ...tenant.manager, name: 'pod-7', version: '2.0.0', clusterId: 'moved' },
          at: at(5),
        }),
      );
      expect(await trafficManagers.find(teamId, tenant.manager.id)).toMatchObject({
        name: 'production',
        version: '2.0.0',
        clusterId: 'moved',
        lastSeenAt: at(5),
      });
      expect(await trafficManagers.rename(teamId, UNKNOWN, 'x')).toBeNull();
    });

    it('removes a traffic manager with its dependents, and returns the hostnames that ended', async () => {
      const { store } = context;
      const { session } = await store.sessions.register(teamId, registration(tenant));
      const previews = [await createPreview(store, tenant), await createPreview(store, tenant)];
      const kept = await createTenant(store);
      const keptPreview = await createPreview(store, kept);

      const hostnames = await store.trafficManagers.remove(teamId, tenant.manager.id);
      expect(hostnames?.toSorted()).toEqual(previews.map(({ hostname }) => hostname).toSorted());
      expect(await store.trafficManagers.find(teamId, tenant.manager.id)).toBeNull();
      expect(await store.sessions.find(teamId, session.id)).toBeNull();
      for (const { id, interceptId: intercept, hostname } of previews) {
        expect(await store.previews.find(teamId, id)).toBeNull();
        expect(await store.previews.findRoute(hostname)).toBeNull();
        expect(await store.intercepts.find(teamId, intercept)).toBeNull();
      }
      expect(await store.previews.findRoute(keptPreview.hostname)).not.toBeNull();
      expect(await store.trafficManagers.remove(teamId, tenant.manager.id)).toBeNull();
      expect(await store.trafficManagers.remove(teamId, 'x')).toBeNull();
    });

    it('returns every hostname that a removal ended, also of concurrent previews', async () => {
      const { store } = context;
      const id = interceptId();
      await store.intercepts.create(teamId, id, interceptDraft(tenant));
      const hostnames = Array.from({ length: 12 }, () => `${randomUUID()}.preview.test`);
      const created = Promise.all(
        hostnames.map((hostname) =>
          store.previews.create(teamId, previewDraft({ interceptId: id, hostname })),
        ),
      );
      const removed = await store.trafficManagers.remove(teamId, tenant.manager.id);
      const made = (await created).filter((preview) => preview !== null).map(({ hostname }) => hostname);
      expect(removed?.toSorted()).toEqual(made.toSorted());
      for (const hostname of hostnames) expect(await store.previews.findRoute(hostname)).toBeNull();
    });
  });

  describe('register', () => {
    it('begins a session and creates its traffic manager when it is new', async () => {
      const { sessions, trafficManagers } = context.store;
      const who = identity();
      const { session, resumed } = await sessions.register(
        teamId,
        registration(tenant, { identity: who, at: at(1) }),
      );
      expect(resumed).toBe(false);
      expect(session).toEqual({
        id: expect.any(String) as string,
        teamId,
        trafficManagerId: expect.any(String) as string,
        kind: 'native',
        state: 'connected',
        credential: { kind: 'api-key', apiKeyId: tenant.apiKey.id },
        edgeId: 'edge-1',
        remoteAddress: '192.0.2.1',
        version: who.version,
        tunnelCount: 1,
        streamCount: 0,
        roundTripMs: null,
        receivedBytes: 0,
        sentBytes: 0,
        connectedAt: at(1),
        lastSeenAt: at(1),
        disconnectedAt: null,
        endedAt: null,
        endReason: null,
      } satisfies Session);
      expect(await sessions.find(teamId, session.id)).toEqual({
        ...session,
        trafficManager: { managerId: who.managerId, name: who.name, clusterId: who.clusterId },
      });
      expect(await trafficManagers.find(teamId, session.trafficManagerId)).toMatchObject({
        ...who,
        lastSeenAt: at(1),
      });
    });

    it('resumes a disconnected session on another edge', async () => {
      const { sessions } = context.store;
      const first = await sessions.register(teamId, registration(tenant, { at: at(1) }));
      await sessions.setTunnelCount(first.session.id, 0, IDLE, at(2));
      expect(await sessions.find(teamId, first.session.id)).toMatchObject({
        state: 'disconnected',
        tunnelCount: 0,
        disconnectedAt: at(2),
        lastSeenAt: at(2),
      });
      const again = registration(tenant, { edgeId: 'edge-2', remoteAddress: '2001:db8::2', at: at(3) });
      expect(await sessions.register(teamId, again)).toEqual({
        resumed: true,
        session: {
          ...first.session,
          edgeId: 'edge-2',
          remoteAddress: '2001:db8::2',
          lastSeenAt: at(3),
        },
      });
    });

    it('begins a new session after the last one has ended, and another for each kind of tunnel', async () => {
      const { sessions } = context.store;
      const first = await sessions.register(teamId, registration(tenant));
      await sessions.end(teamId, first.session.id, 'a person ended it', new Date());
      const second = await sessions.register(teamId, registration(tenant));
      const other = await sessions.register(teamId, registration(tenant, { kind: 'telepresence' }));
      expect([second.resumed, other.resumed]).toEqual([false, false]);
      expect(new Set([first, second, other].map(({ session }) => session.id)).size).toBe(3);
    });

    it('gives the same session to edges that register one new manager at once', async () => {
      const { sessions, trafficManagers } = context.store;
      const who = identity();
      const results = await Promise.all(
        Array.from({ length: 12 }, (_, n) =>
          sessions.register(teamId, registration(tenant, { identity: who, edgeId: `edge-${n}` })),
        ),
      );
      expect(new Set(results.map(({ session }) => session.id)).size).toBe(1);
      expect(results.filter(({ resumed }) => !resumed)).toHaveLength(1);
      const { items } = await trafficManagers.list(teamId, { limit: 200 });
      expect(items.filter(({ managerId }) => managerId === who.managerId)).toHaveLength(1);
    });

    // Embedded, transactions run one after the other.
    if (kind === 'server') {
      it('begins a new session when the living one ends while it is resumed', async () => {
        const { sessions } = context.store;
        const { session } = await sessions.register(teamId, registration(tenant));
        const ending = await context.pool.connect();
        try {
          await ending.query('BEGIN');
          await ending.query("UPDATE session SET state = 'ended' WHERE id = $1", [session.id]);
          const registering = sessions.register(teamId, registration(tenant));
          // It has read the session and waits for the row.
          await untilBlocked();
          await ending.query('COMMIT');
          const registered = await registering;
          expect(registered.resumed).toBe(false);
          expect(await sessions.find(teamId, registered.session.id)).toMatchObject({ state: 'connected' });
          expect(await sessions.find(teamId, session.id)).toMatchObject({ state: 'ended' });
        } finally {
          ending.release();
        }
      });
    }

    // Embedded, transactions run one after the other.
    if (kind === 'server') {
      it('waits for a program that is ending, and then has none', async () => {
        const { sessions } = context.store;
        const credential = await createProgram(context.store, tenant);
        const { session } = await sessions.register(teamId, registration(tenant, { credential }));
        const ending = await context.pool.connect();
        try {
          await ending.query('BEGIN');
          await ending.query('DELETE FROM oauth_grant WHERE id = $1', [credential.programId]);
          const registering = sessions.register(teamId, registration(tenant, { credential }));
          await untilBlocked();
          await ending.query('COMMIT');
          expect(await registering).toMatchObject({
            resumed: true,
            session: { id: session.id, credential: { ...credential, programId: null } },
          });
        } finally {
          ending.release();
        }
      });
    }

    it('refuses a key or program of another team', async () => {
      const other = await createTenant(context.store);
      await expect(
        context.store.sessions.register(
          teamId,
          registration(tenant, { credential: { kind: 'api-key', apiKeyId: other.apiKey.id } }),
        ),
      ).rejects.toThrow();
      const credential = await createProgram(context.store, other);
      await expect(
        context.store.sessions.register(teamId, registration(tenant, { credential })),
      ).rejects.toThrow();
    });
  });

  describe('credential of a session', () => {
    const key = () => ({ kind: 'api-key', apiKeyId: tenant.apiKey.id }) as const;
    const register = async (credential: TunnelCredential) =>
      (await context.store.sessions.register(teamId, registration(tenant, { credential }))).session;
    const credentialOf = async (id: string) => (await context.store.sessions.find(teamId, id))?.credential;

    it('is that of the most recent tunnel, a key or a program', async () => {
      const { sessions } = context.store;
      const program = await createProgram(context.store, tenant);
      const { id } = await register(key());
      for (const credential of [program, key(), program]) {
        expect(await register(credential)).toMatchObject({ id, credential });
        expect(await credentialOf(id)).toEqual(credential);
        expect((await sessions.list(teamId, {}, { limit: 1 })).items).toMatchObject([{ credential }]);
      }
    });

    it('still names the owner of an ended program, however it ended', async () => {
      const { store, pool } = context;
      const endings = {
        revoked: ({ userId, programId }) => store.programs.revoke(userId, programId),
        'expired and swept away': ({ programId }) =>
          pool.query('DELETE FROM oauth_grant WHERE id = $1', [programId]),
        'ended with the membership': ({ userId }) =>
          pool.query('DELETE FROM membership WHERE user_id = $1', [userId]),
      } satisfies Record<string, (program: { userId: string; programId: string }) => Promise<unknown>>;
      for (const [how, end] of Object.entries(endings)) {
        const program = await createProgram(store, tenant);
        const session = await register(program);
        await end(program);
        expect(await store.sessions.find(teamId, session.id), how).toMatchObject({
          ...session,
          credential: { ...program, programId: null },
        });
      }
    });

    it.each([
      ['both a key and a person', 'api_key_id = $2, user_id = $3, oauth_grant_id = NULL'],
      ['neither', 'api_key_id = NULL, user_id = NULL, oauth_grant_id = NULL'],
      ['a program without its person', 'api_key_id = $2, user_id = NULL, oauth_grant_id = $4'],
    ])('is never %s, as the database itself enforces', async (_what, columns) => {
      const program = await createProgram(context.store, tenant);
      const { id } = await register(program);
      const update = context.pool.query(
        `UPDATE session SET ${columns} WHERE id = $1
          AND $2::uuid IS NOT NULL AND $3::uuid IS NOT NULL AND $4::uuid IS NOT NULL`,
        [id, tenant.apiKey.id, program.userId, program.programId],
      );
      await expect(update).rejects.toMatchObject({ code: CHECK_VIOLATION });
    });

    it('is never the program of another person, as the database itself enforces', async () => {
      const { id } = await register(await createProgram(context.store, tenant));
      const { programId } = await createProgram(context.store, tenant);
      const update = context.pool.query('UPDATE session SET oauth_grant_id = $2 WHERE id = $1', [
        id,
        programId,
      ]);
      await expect(update).rejects.toMatchObject({ code: FOREIGN_KEY_VIOLATION });
    });
  });

  describe('life of a session', () => {
    let session: Session;
    beforeEach(async () => {
      ({ session } = await context.store.sessions.register(teamId, registration(tenant, { at: at(1) })));
    });

    it('counts its tunnels', async () => {
      const { sessions } = context.store;
      await sessions.setTunnelCount(session.id, 3, IDLE, at(2));
      expect(await sessions.find(teamId, session.id)).toMatchObject({
        ...session,
        tunnelCount: 3,
        lastSeenAt: at(2),
      });
      await sessions.setTunnelCount(session.id, 0, IDLE, at(3));
      await sessions.setTunnelCount(session.id, 1, IDLE, at(4));
      expect(await sessions.find(teamId, session.id)).toMatchObject({ ...session, lastSeenAt: at(4) });
      await sessions.setTunnelCount('x', 1, IDLE, at(5));
    });

    it('ends once, and does not change afterwards', async () => {
      const { sessions } = context.store;
      const ended = {
        ...session,
        state: 'ended',
        tunnelCount: 0,
        endedAt: at(5),
        endReason: 'a person ended it',
      };
      expect(await sessions.end(teamId, session.id, 'a person ended it', at(5))).toMatchObject(ended);
      expect(await sessions.end(teamId, session.id, 'again', at(6))).toMatchObject(ended);
      await sessions.setTunnelCount(session.id, 2, IDLE, at(7));
      await sessions.heartbeat(idle(session.id), at(8));
      await sessions.endStale(at(9), at(9));
      expect(await sessions.find(teamId, session.id)).toMatchObject(ended);
      expect(await sessions.end(teamId, UNKNOWN, 'x', at(5))).toBeNull();
      expect(await sessions.end(teamId, 'x', 'x', at(5))).toBeNull();
    });

    it('is updated at each heartbeat, with its traffic manager', async () => {
      const { sessions, trafficManagers } = context.store;
      await sessions.heartbeat(idle(session.id, UNKNOWN, 'x'), at(7));
      await sessions.heartbeat(idle(), at(8));
      expect((await sessions.find(teamId, session.id))?.lastSeenAt).toEqual(at(7));
      expect((await trafficManagers.find(teamId, tenant.manager.id))?.lastSeenAt).toEqual(at(7));
    });

    it('adds up the bytes of its tunnels, and shows their current state', async () => {
      const { sessions } = context.store;
      const load = { streamCount: 4, roundTripMs: 12.5, receivedBytes: 2 ** 33, sentBytes: 7 };
      expect(await sessions.heartbeat(new Map([[session.id, load]]), at(2))).toEqual([session.id]);
      expect(await sessions.find(teamId, session.id)).toMatchObject(load);
      await sessions.setTunnelCount(session.id, 1, { ...load, streamCount: 2, roundTripMs: 9 }, at(3));
      expect(await sessions.find(teamId, session.id)).toMatchObject({
        streamCount: 2,
        roundTripMs: 9,
        receivedBytes: 2 ** 34,
        sentBytes: 14,
      });
      await sessions.setTunnelCount(session.id, 0, { ...load, streamCount: 0 }, at(4));
      expect(await sessions.find(teamId, session.id)).toMatchObject({
        streamCount: 0,
        roundTripMs: null,
        sentBytes: 21,
      });
    });

    it('counts only late bytes after its end', async () => {
      const { sessions } = context.store;
      const load = { streamCount: 4, roundTripMs: 12.5, receivedBytes: 1, sentBytes: 2 };
      await sessions.heartbeat(new Map([[session.id, load]]), at(2));
      await sessions.end(teamId, session.id, 'over', at(3));
      const ended = { streamCount: 0, roundTripMs: null, tunnelCount: 0, receivedBytes: 1, sentBytes: 2 };
      expect(await sessions.find(teamId, session.id)).toMatchObject(ended);
      expect(await sessions.heartbeat(new Map([[session.id, load]]), at(4))).toEqual([]);
      await sessions.setTunnelCount(session.id, 1, load, at(5));
      expect(await sessions.find(teamId, session.id)).toMatchObject({
        ...ended,
        state: 'ended',
        receivedBytes: 2,
        sentBytes: 4,
      });
    });

    it('ends without heartbeats', async () => {
      const { sessions } = context.store;
      const other = await createTenant(context.store);
      const fresh = await sessions.register(other.team.id, registration(other, { at: at(10) }));
      await sessions.endStale(at(1), at(11));
      expect((await sessions.find(teamId, session.id))?.state).toBe('connected');
      const { id, trafficManagerId } = session;
      expect(await sessions.endStale(at(10), at(11))).toContainEqual({ id, teamId, trafficManagerId });
      expect(await sessions.find(teamId, session.id)).toMatchObject({
        state: 'ended',
        tunnelCount: 0,
        endedAt: at(11),
        endReason: expect.any(String) as string,
      });
      expect((await sessions.find(other.team.id, fresh.session.id))?.state).toBe('connected');
    });

    it('survives edges that beat, register, sweep and remove at the same time', async () => {
      const { sessions, trafficManagers } = context.store;
      const tenants = await Promise.all(Array.from({ length: 6 }, () => createTenant(context.store)));
      const living = await Promise.all(
        tenants.map(async (each) => (await sessions.register(each.team.id, registration(each))).session),
      );
      const ids = living.map(({ id }) => id);
      await Promise.all([
        ...Array.from({ length: 10 }, () => sessions.heartbeat(idle(...ids), new Date())),
        ...Array.from({ length: 10 }, () => sessions.heartbeat(idle(...ids.toReversed()), new Date())),
        ...tenants.map((each) => sessions.register(each.team.id, registration(each))),
        ...tenants.map((each) => sessions.end(each.team.id, ids[0], 'over', new Date())),
        ...Array.from({ length: 5 }, () => sessions.endStale(at(0), new Date())),
        trafficManagers.remove(tenants[0].team.id, tenants[0].manager.id),
      ]);
      expect((await sessions.find(tenants[1].team.id, ids[1]))?.state).toBe('connected');
    });
  });

  describe('list', () => {
    it('filters by traffic manager and state', async () => {
      const { sessions } = context.store;
      const ended = await sessions.register(teamId, registration(tenant, { at: at(1) }));
      await sessions.end(teamId, ended.session.id, 'over', at(2));
      const living = await sessions.register(teamId, registration(tenant, { at: at(3) }));
      const other = await sessions.register(
        teamId,
        registration(tenant, { identity: identity(), at: at(4) }),
      );
      const list = async (filter: Parameters<typeof sessions.list>[1]) =>
        (await sessions.list(teamId, filter, { limit: 10 })).items.map(({ id }) => id);
      expect(await list({})).toEqual([other.session.id, living.session.id, ended.session.id]);
      expect(await list({ trafficManagerId: tenant.manager.id })).toEqual([
        living.session.id,
        ended.session.id,
      ]);
      expect(await list({ state: 'ended' })).toEqual([ended.session.id]);
      expect(await list({ trafficManagerId: tenant.manager.id, state: 'connected' })).toEqual([
        living.session.id,
      ]);
      expect(await list({ trafficManagerId: 'x' })).toEqual([]);
    });
  });

  /** Waits until a statement waits for a lock: there is no event for that. */
  async function untilBlocked(): Promise<void> {
    for (;;) {
      const { rows } = await context.pool.query(
        "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
      );
      if (rows.length > 0) return;
    }
  }
});
