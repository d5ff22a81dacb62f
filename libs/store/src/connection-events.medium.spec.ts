import type { ConnectionEvent, ConnectionEventDraft, HeldTunnel, Session } from '@culvert/domain';
import { createTestDatabase } from '@culvert/testkit';
import { beforeEach, describe, expect, it } from 'vitest';
import {
  createTenant,
  describeOnEveryDatabase,
  identity,
  registration,
  type Tenant,
} from './spec/databases.js';

const UNKNOWN = '01890000-0000-7000-8000-000000000000';
const PAGE = { limit: 50 };
const at = (seconds: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, seconds));

describeOnEveryDatabase('the history of connections', createTestDatabase, (context) => {
  let tenant: Tenant;
  let teamId: string;
  let session: Session;
  let tunnel: HeldTunnel;

  beforeEach(async () => {
    tenant = await createTenant(context.store);
    teamId = tenant.team.id;
    ({ session, tunnel } = await context.store.sessions.register(
      teamId,
      registration(tenant, { at: at(1) }),
    ));
  });

  const draft = (change: Partial<ConnectionEventDraft> = {}): ConnectionEventDraft => ({
    teamId,
    trafficManagerId: tenant.manager.id,
    sessionId: session.id,
    at: at(1),
    change: 'disconnected',
    kind: 'native',
    edgeId: 'edge-1',
    remoteAddress: '192.0.2.1',
    version: '1.2.3',
    reason: 'liveness_lost',
    detail: 'nothing was heard',
    omittedBefore: 3,
    ...change,
  });
  const list = async (managerId = tenant.manager.id): Promise<ConnectionEvent[]> =>
    (await context.store.connectionEvents.list(teamId, managerId, PAGE)).items;

  it('reads back what was written, newest first, in pages', async () => {
    const { connectionEvents } = context.store;
    const connected = draft({ change: 'connected', reason: null, detail: '', omittedBefore: 0 });
    const lost = draft({ at: at(2) });
    await connectionEvents.append([connected, lost]);
    const id = expect.any(String) as string;
    expect(await list()).toEqual([
      { id, ...lost },
      { id, ...connected },
    ]);
    const first = await connectionEvents.list(teamId, tenant.manager.id, { limit: 1 });
    expect(first.items).toMatchObject([{ change: 'disconnected' }]);
    const second = await connectionEvents.list(teamId, tenant.manager.id, {
      limit: 1,
      cursor: first.nextCursor!,
    });
    expect(second).toMatchObject({ items: [{ change: 'connected' }], nextCursor: null });
  });

  it('keeps the order of events within one millisecond', async () => {
    const changes = ['resumed', 'disconnected', 'resumed', 'disconnected', 'resumed'] as const;
    await context.store.connectionEvents.append(
      changes.map((change, index) => draft({ change, detail: String(index) })),
    );
    expect((await list()).map(({ detail }) => detail)).toEqual(['4', '3', '2', '1', '0']);
  });

  it("skips a traffic manager that was removed or is another team's, and writes the others", async () => {
    const other = await createTenant(context.store);
    await context.store.connectionEvents.append([
      draft({ trafficManagerId: UNKNOWN }),
      draft({ trafficManagerId: other.manager.id }),
      draft({ detail: 'mine' }),
    ]);
    await context.store.connectionEvents.append([]);
    expect((await list()).map(({ detail }) => detail)).toEqual(['mine']);
    expect(await list(other.manager.id)).toEqual([]);
    const theirs = await context.store.connectionEvents.list(other.team.id, other.manager.id, PAGE);
    expect(theirs.items).toEqual([]);
  });

  it('shows nothing to another team', async () => {
    const other = await createTenant(context.store);
    await context.store.connectionEvents.append([draft()]);
    const { connectionEvents } = context.store;
    expect((await connectionEvents.list(other.team.id, tenant.manager.id, PAGE)).items).toEqual([]);
    expect((await connectionEvents.list('x', 'x', PAGE)).items).toEqual([]);
  });

  it('is removed with its traffic manager', async () => {
    await context.store.connectionEvents.append([draft()]);
    await context.store.trafficManagers.remove(teamId, tenant.manager.id);
    expect(await list()).toEqual([]);
  });

  it('records who ended a session, once', async () => {
    const { sessions } = context.store;
    await sessions.end(teamId, session.id, 'ended through the API', at(5));
    await sessions.end(teamId, session.id, 'again', at(6));
    expect(await list()).toEqual([
      {
        ...draft({ at: at(5), change: 'ended', version: session.version, omittedBefore: 0 }),
        id: expect.any(String) as string,
        reason: 'session_ended',
        detail: 'ended through the API',
      },
    ]);
  });

  it('records every session that was given up, however many', async () => {
    const { sessions, tunnels } = context.store;
    const others = await Promise.all(
      [2, 3].map(async () =>
        sessions.register(teamId, registration(tenant, { identity: identity(), at: at(1) })),
      ),
    );
    const again = await sessions.register(teamId, registration(tenant, { at: at(1) }));
    const open = [tunnel, again.tunnel, ...others.map((registered) => registered.tunnel)];
    await tunnels.close(
      open.map((each) => ({ ...each, receivedBytes: 0, sentBytes: 0 })),
      at(2),
    );
    await sessions.endStale(at(10), at(11));
    for (const { id, trafficManagerId } of [session, ...others.map((registered) => registered.session)]) {
      expect(await list(trafficManagerId)).toMatchObject([
        { sessionId: id, change: 'ended', reason: 'not_resumed', at: at(11) },
      ]);
    }
    await sessions.endStale(at(10), at(12));
    expect(await list()).toHaveLength(1);
  });

  describe('removal', () => {
    it('removes the oldest first, within its batch limit, and keeps recent ones', async () => {
      const { connectionEvents } = context.store;
      const old = (seconds: number) => new Date(Date.UTC(1990, 0, 1, 0, 0, seconds));
      await connectionEvents.append([1, 2, 3, 4].map((second) => draft({ at: old(second) })));
      expect(await connectionEvents.removeBefore(old(4), 2)).toBe(2);
      expect((await list()).map((event) => event.at)).toEqual([old(4), old(3)]);
      expect(await connectionEvents.removeBefore(old(4), 2)).toBe(1);
      expect((await list()).map((event) => event.at)).toEqual([old(4)]);
    });
  });
});
