import { randomUUID } from 'node:crypto';
import type { HeldTunnel, Session, ShownSession, TunnelCredential } from '@culvert/domain';
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
const closed = (tunnel: HeldTunnel, receivedBytes = 0, sentBytes = 0) => ({
  ...tunnel,
  receivedBytes,
  sentBytes,
});
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
        lastSeenAt: expect.any(Date) as Date,
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
    it('records how many tunnels the traffic manager wants, as it said last', async () => {
      const { sessions } = context.store;
      const who = identity();
      const wanted: (number | null)[] = [];
      for (const wantedTunnelCount of [undefined, 2, 3, undefined]) {
        const { session } = await sessions.register(
          teamId,
          registration(tenant, { identity: who, wantedTunnelCount }),
        );
        wanted.push((await sessions.find(teamId, session.id))?.wantedTunnelCount ?? null);
      }
      expect(wanted).toEqual([null, 2, 3, null]);
    });

    it('begins a session and creates its traffic manager when it is new', async () => {
      const { sessions, trafficManagers } = context.store;
      const who = identity();
      const { session, resumed, tunnel } = await sessions.register(
        teamId,
        registration(tenant, { identity: who, wantedTunnelCount: 3, at: at(1) }),
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
        wantedTunnelCount: 3,
        connectedAt: at(1),
        disconnectedAt: null,
        endedAt: null,
        endReason: null,
      } satisfies Session);
      const { id, kind: tunnelKind, remoteAddress, instanceId } = tunnel;
      const seen = expect.any(Date) as Date;
      expect(await sessions.find(teamId, session.id)).toEqual({
        ...session,
        trafficManager: { managerId: who.managerId, name: who.name, clusterId: who.clusterId },
        tunnels: [
          {
            id,
            edge: { id: 'edge-1', name: '', version: '' },
            kind: tunnelKind,
            remoteAddress,
            instanceId,
            openedAt: at(1),
            streamCount: 0,
            roundTripMs: null,
            receivedBytes: 0,
            sentBytes: 0,
            reportedAt: at(1),
          },
        ],
        tunnelCount: 1,
        streamCount: 0,
        roundTripMs: null,
        receivedBytes: 0,
        sentBytes: 0,
        lastSeenAt: seen,
      } satisfies ShownSession);
      expect(await trafficManagers.find(teamId, session.trafficManagerId)).toMatchObject({
        ...who,
        lastSeenAt: seen,
      });
    });

    it('resumes a disconnected session on another edge', async () => {
      const { sessions, tunnels } = context.store;
      const first = await sessions.register(teamId, registration(tenant, { at: at(1) }));
      await tunnels.close([closed(first.tunnel)], at(2));
      expect(await sessions.find(teamId, first.session.id)).toMatchObject({
        state: 'disconnected',
        tunnelCount: 0,
        disconnectedAt: at(2),
        lastSeenAt: at(2),
      });
      const again = registration(tenant, { edgeId: 'edge-2', remoteAddress: '2001:db8::2', at: at(3) });
      expect(await sessions.register(teamId, again)).toMatchObject({
        resumed: true,
        session: {
          ...first.session,
          edgeId: 'edge-2',
          remoteAddress: '2001:db8::2',
          disconnectedAt: null,
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

    it('gives a tunnel the ID and age that its edge names, once, however often it registers', async () => {
      const { sessions } = context.store;
      const { id: sessionId } = (await sessions.register(teamId, registration(tenant, { at: at(0) })))
        .session;
      const given = { id: randomUUID(), openedAt: at(3) };
      for (const seconds of [10, 11]) {
        const again = registration(tenant, { at: at(seconds), tunnel: given });
        expect((await sessions.register(teamId, again)).tunnel).toMatchObject({ ...given, sessionId });
      }
      const { tunnels } = (await sessions.find(teamId, sessionId))!;
      expect(tunnels.map(({ id, openedAt }) => [id, openedAt])).toContainEqual([given.id, given.openedAt]);
      expect(tunnels).toHaveLength(2);
    });

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
    let tunnel: HeldTunnel;
    const shown = async (): Promise<ShownSession> => (await context.store.sessions.find(teamId, session.id))!;
    const managerSeenAt = async () =>
      (await context.store.trafficManagers.find(teamId, tenant.manager.id))?.lastSeenAt;
    const open = async (edgeId: string, seconds = 1) =>
      (await context.store.sessions.register(teamId, registration(tenant, { edgeId, at: at(seconds) })))
        .tunnel;
    beforeEach(async () => {
      // Other tests may have left it dead.
      await context.store.edges.beat({ id: 'edge-1', name: '', version: '', startedAt: at(0) });
      ({ session, tunnel } = await context.store.sessions.register(
        teamId,
        registration(tenant, { at: at(1) }),
      ));
    });

    // An edge left behind wrote that the session had no tunnel, and the loads of two edges replaced each other.
    it('is connected while any edge has a tunnel of it', async () => {
      const { tunnels } = context.store;
      const other = await open('edge-2', 2);
      expect(await shown()).toMatchObject({ state: 'connected', tunnelCount: 2 });
      await tunnels.close([closed(tunnel)], at(3));
      expect(await shown()).toMatchObject({
        state: 'connected',
        disconnectedAt: null,
        tunnelCount: 1,
        tunnels: [{ id: other.id, edge: { id: 'edge-2' } }],
      });
      await tunnels.close([closed(other)], at(4));
      expect(await shown()).toMatchObject({
        state: 'disconnected',
        disconnectedAt: at(4),
        lastSeenAt: at(4),
        tunnelCount: 0,
        tunnels: [],
      });
      expect(await managerSeenAt()).toEqual(at(4));
    });

    it('stays disconnected since the first time when a tunnel is closed again', async () => {
      const { tunnels } = context.store;
      await tunnels.close([closed(tunnel)], at(3));
      await tunnels.close([closed(tunnel)], at(9));
      expect(await shown()).toMatchObject({
        state: 'disconnected',
        disconnectedAt: at(3),
        lastSeenAt: at(3),
      });
    });

    // When the database was back, no edge had been seen for a while, and a session with two tunnels lost its state with one.
    it('stays connected with a tunnel of an edge that looks dead, until that edge is removed', async () => {
      const { edges, tunnels } = context.store;
      await open('edge-of-the-dead', 2);
      await silence('edge-of-the-dead');
      await tunnels.close([closed(tunnel)], at(3));
      expect(await shown()).toMatchObject({ state: 'connected', disconnectedAt: null });
      await edges.removeSilent(at(50));
      expect(await shown()).toMatchObject({ state: 'disconnected', disconnectedAt: at(50), tunnelCount: 0 });
    });

    it('shows the sums of its tunnels, newest first, and keeps the bytes of closed ones', async () => {
      const { tunnels } = context.store;
      const young = await open('edge-2', 2);
      const report = { streamCount: 4, roundTripMs: 80, receivedBytes: 2 ** 33, sentBytes: 7 };
      const both = [
        { ...report, id: tunnel.id },
        { ...report, id: young.id, streamCount: 1, roundTripMs: 12.5 },
      ];
      const recorded = await tunnels.report([...both, { ...report, id: UNKNOWN }], at(3));
      expect(recorded.toSorted()).toEqual([tunnel.id, young.id].toSorted());
      await tunnels.report(
        [{ ...report, id: young.id, streamCount: 2, roundTripMs: 9, sentBytes: 1 }],
        at(4),
      );
      const sums = { receivedBytes: 3 * 2 ** 33, sentBytes: 15 };
      expect(await shown()).toMatchObject({
        tunnels: [
          { id: young.id, streamCount: 2, roundTripMs: 9, sentBytes: 8, reportedAt: at(4) },
          { id: tunnel.id, streamCount: 4, roundTripMs: 80, sentBytes: 7, reportedAt: at(3) },
        ],
        streamCount: 6,
        roundTripMs: 9,
        ...sums,
      });
      await tunnels.close([closed(young, 10, 20)], at(5));
      const rest = { receivedBytes: sums.receivedBytes + 10, sentBytes: sums.sentBytes + 20 };
      expect(await shown()).toMatchObject({ streamCount: 4, roundTripMs: 80, ...rest });
      await tunnels.close([closed(tunnel)], at(6));
      expect(await shown()).toMatchObject({ streamCount: 0, roundTripMs: null, ...rest });
      expect((await context.store.sessions.list(teamId, {}, { limit: 1 })).items).toMatchObject([rest]);
    });

    it('lists at most 100 of its tunnels and counts all', async () => {
      for (let i = 0; i < 101; i++) await open('edge-2', 2);
      expect((await shown()).tunnels).toHaveLength(100);
      expect(await shown()).toMatchObject({ tunnelCount: 102 });
    });

    it('was last seen when one of its edges was, without being written itself', async () => {
      const { edges } = context.store;
      await open('edge-2', 2);
      const before = await versions();
      await seen('edge-1', 100);
      await seen('edge-2', 70);
      expect(await shown()).toMatchObject({ lastSeenAt: at(100) });
      expect(await managerSeenAt()).toEqual(at(100));
      await edges.beat({ id: 'edge-2', name: 'host-2', version: '9.9.9', startedAt: at(0) });
      expect((await shown()).lastSeenAt.getTime()).toBeGreaterThan(at(100).getTime());
      expect(await shown()).toMatchObject({ tunnels: [{ edge: { name: 'host-2', version: '9.9.9' } }, {}] });
      expect(await versions()).toEqual(before);
    });

    it('ends once, with its tunnels, and does not change afterwards', async () => {
      const { sessions, tunnels } = context.store;
      await tunnels.report([{ ...closed(tunnel, 1, 2), streamCount: 3, roundTripMs: 4 }], at(2));
      const ended = {
        ...session,
        state: 'ended',
        tunnelCount: 0,
        disconnectedAt: at(5),
        lastSeenAt: at(5),
        endedAt: at(5),
        endReason: 'a person ended it',
        receivedBytes: 1,
        sentBytes: 2,
      };
      expect(await sessions.end(teamId, session.id, 'a person ended it', at(5))).toMatchObject(ended);
      expect(await managerSeenAt()).toEqual(at(5));
      expect(await sessions.end(teamId, session.id, 'again', at(6))).toMatchObject(ended);
      await sessions.endStale(at(9), at(9));
      await sessions.correctStates(at(9));
      expect(await tunnels.restore('edge-1', [tunnel], at(9))).toEqual([]);
      expect(await shown()).toMatchObject(ended);
      // The edge closes the tunnel, whose last bytes still count.
      await tunnels.close([closed(tunnel, 10, 20)], at(10));
      expect(await shown()).toMatchObject({ ...ended, receivedBytes: 11, sentBytes: 22 });
      expect(await sessions.end(teamId, UNKNOWN, 'x', at(5))).toBeNull();
      expect(await sessions.end(teamId, 'x', 'x', at(5))).toBeNull();
    });

    it('ends after it was disconnected for long enough', async () => {
      const { sessions, tunnels } = context.store;
      await sessions.endStale(at(1000), at(1000));
      expect((await shown()).state).toBe('connected');
      await tunnels.close([closed(tunnel)], at(5));
      await sessions.endStale(at(5), at(11));
      expect((await shown()).state).toBe('disconnected');
      const { id, trafficManagerId } = session;
      expect(await sessions.endStale(at(6), at(11))).toContainEqual({ id, teamId, trafficManagerId });
      expect(await shown()).toMatchObject({
        state: 'ended',
        disconnectedAt: at(5),
        endedAt: at(11),
        endReason: expect.any(String) as string,
      });
    });

    describe('when its edge is dead', () => {
      it('is disconnected by another edge, and its history says why', async () => {
        const { edges, tunnels, connectionEvents } = context.store;
        await tunnels.report([{ ...closed(tunnel, 100, 50), streamCount: 1, roundTripMs: 1 }], at(2));
        await edges.removeSilent(at(3));
        expect((await shown()).state).toBe('connected');
        await silence('edge-1', 4);
        const { id, trafficManagerId } = session;
        expect(await edges.removeSilent(at(50))).toContainEqual({ id, teamId, trafficManagerId });
        expect(await shown()).toMatchObject({
          state: 'disconnected',
          disconnectedAt: at(50),
          lastSeenAt: at(4),
          tunnelCount: 0,
          receivedBytes: 100,
          sentBytes: 50,
        });
        expect(await managerSeenAt()).toEqual(at(4));
        expect(await edgeIds('edge-1')).toEqual([]);
        const history = await connectionEvents.list(teamId, trafficManagerId, { limit: 10 });
        expect(history.items).toMatchObject([
          { change: 'disconnected', reason: 'edge_lost', edgeId: 'edge-1', at: at(50), sessionId: id },
        ]);
        expect(await edges.removeSilent(at(60))).toEqual([]);
      });

      it('stays connected with a tunnel at another edge', async () => {
        const { edges } = context.store;
        await open('edge-2', 2);
        await silence('edge-1');
        expect(await edges.removeSilent(at(50))).toContainEqual(expect.objectContaining({ id: session.id }));
        expect(await shown()).toMatchObject({ state: 'connected', tunnelCount: 1, disconnectedAt: null });
      });

      it('is connected again when its edge wakes and its tunnel has survived', async () => {
        const { edges, tunnels } = context.store;
        await tunnels.report([{ ...closed(tunnel, 100, 50), streamCount: 1, roundTripMs: 1 }], at(2));
        await silence('edge-1');
        await edges.removeSilent(at(50));
        const differences = await tunnels.compare('edge-1', [tunnel.id], at(60));
        expect(differences).toEqual({ missing: [tunnel.id], surplus: [] });
        const { id, trafficManagerId } = session;
        expect(await tunnels.restore('edge-1', [tunnel], at(60))).toEqual([{ id, teamId, trafficManagerId }]);
        expect(await tunnels.restore('edge-1', [tunnel], at(61))).toEqual([]);
        expect(await tunnels.compare('edge-1', [tunnel.id], at(60))).toEqual({ missing: [], surplus: [] });
        await tunnels.report([{ ...closed(tunnel, 1, 1), streamCount: 0, roundTripMs: 1 }], at(62));
        expect(await shown()).toMatchObject({
          state: 'connected',
          disconnectedAt: null,
          tunnelCount: 1,
          receivedBytes: 101,
          sentBytes: 51,
        });
      });

      it('can be registered at the same edge once that wakes', async () => {
        await silence('edge-1');
        await context.store.edges.removeSilent(at(50));
        await open('edge-1', 51);
        expect(await shown()).toMatchObject({ state: 'connected', tunnelCount: 1 });
      });
    });

    it('shows its edge the rows of tunnels that it does not hold, apart from new ones', async () => {
      const { tunnels } = context.store;
      const { id, sessionId } = tunnel;
      const alien = await open('edge-2', 1);
      expect(await tunnels.compare('edge-1', [alien.id], at(1))).toEqual({
        missing: [alien.id],
        surplus: [],
      });
      expect(await tunnels.compare('edge-1', [], at(2))).toMatchObject({
        surplus: [{ id, teamId, sessionId }],
      });
    });

    // Edges from before tunnels were recorded do not know the tunnels of others, and add none.
    describe('beside an edge of a former version', () => {
      const ref = () => ({ id: session.id, teamId, trafficManagerId: session.trafficManagerId });

      it('is connected again after that edge marked it disconnected', async () => {
        const { sessions } = context.store;
        await context.pool.query(
          "UPDATE session SET state = 'disconnected', disconnected_at = $2, last_seen_at = $2 WHERE id = $1",
          [session.id, new Date()],
        );
        await sessions.endStale(at(100), at(100));
        expect((await shown()).state).toBe('disconnected');
        expect(await sessions.correctStates(at(100))).toContainEqual(ref());
        expect(await shown()).toMatchObject({ state: 'connected', disconnectedAt: null });
      });

      it('stays connected while that edge holds it although the last tunnel here has closed', async () => {
        const { sessions, tunnels } = context.store;
        await context.pool.query('UPDATE session SET last_seen_at = $2 WHERE id = $1', [
          session.id,
          new Date(),
        ]);
        await tunnels.close([closed(tunnel)], at(3));
        expect(await shown()).toMatchObject({ state: 'connected', disconnectedAt: null });
        expect(await sessions.correctStates(at(4))).not.toContainEqual(ref());
      });

      it('is not ended as stale by that edge', async () => {
        const { rowCount } = await context.pool.query(
          "SELECT FROM session WHERE id = $1 AND last_seen_at < now() + interval '1 year' AND state <> 'ended'",
          [session.id],
        );
        expect(rowCount).toBe(0);
      });

      it('stays connected there while that edge sees it, and is disconnected later', async () => {
        const { sessions } = context.store;
        await context.pool.query('DELETE FROM tunnel WHERE session_id = $1', [session.id]);
        const see = (time: string) =>
          context.pool.query(
            `UPDATE session SET last_seen_at = (now() AT TIME ZONE 'UTC') - $2::interval WHERE id = $1`,
            [session.id, time],
          );
        await see('10 seconds');
        expect(await sessions.correctStates(at(50))).not.toContainEqual(ref());
        await see('31 seconds');
        expect(await sessions.correctStates(at(50))).toContainEqual(ref());
        expect(await shown()).toMatchObject({ state: 'disconnected', disconnectedAt: at(50) });
        // It got the whole grace from then on.
        await sessions.endStale(at(50), at(51));
        expect((await shown()).state).toBe('disconnected');
      });
    });

    /** Makes an edge look as if it was last seen a while ago. */
    const silence = (edgeId: string, seconds = 0) => seen(edgeId, seconds);
    const seen = (edgeId: string, seconds: number) =>
      context.pool.query('UPDATE edge SET last_seen_at = $2 WHERE id = $1', [edgeId, at(seconds)]);
    const edgeIds = async (edgeId: string) =>
      (await context.pool.query('SELECT id FROM edge WHERE id = $1', [edgeId])).rows;
    /** Identifies the current versions of the rows: another one after each change. */
    const versions = async () =>
      (
        await context.pool.query(
          `SELECT s.xmin::text AS session, m.xmin::text AS manager, array_agg(t.xmin::text ORDER BY t.id) AS tunnels
           FROM session s JOIN traffic_manager m ON m.id = s.traffic_manager_id JOIN tunnel t ON t.session_id = s.id
           WHERE s.id = $1 GROUP BY 1, 2`,
          [session.id],
        )
      ).rows;
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
