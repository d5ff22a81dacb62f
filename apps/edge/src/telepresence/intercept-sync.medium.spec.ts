import { randomUUID } from 'node:crypto';
import type { ClusterEvent, EventBus } from '@culvert/events';
import type { Intercept, Preview, Session, Store } from '@culvert/domain';
import { createStore } from '@culvert/store';
import { createTestDatabase, type TestDatabase } from '@culvert/testkit';
import type { CallFailure, InterceptWatcher, ManagerClient, ShownIntercept } from '@culvert/telepresence';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { InterceptSync } from './intercept-sync.js';
import { RequestedPreviews } from './requested-previews.js';

/** A manager whose reports are set by the test. */
class FakeManager implements ManagerClient {
  watches: InterceptWatcher[] = [];
  readonly removed: string[] = [];
  last: readonly ShownIntercept[] = [];
  failure: CallFailure | null = null;

  watchIntercepts(watcher: InterceptWatcher): () => void {
    this.watches.push(watcher);
    return () => (this.watches = this.watches.filter((other) => other !== watcher));
  }

  async removePreview(interceptId: string): Promise<CallFailure | null> {
    this.removed.push(interceptId);
    return this.failure;
  }

  show(...intercepts: readonly ShownIntercept[]): void {
    this.last = intercepts;
    for (const watcher of this.watches) watcher.onSnapshot(intercepts);
  }
}

/** Timeout for slow machines. */
const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 15_000 });

function shown(id: string, change: Partial<ShownIntercept> = {}): ShownIntercept {
  return {
    id,
    disposition: 1,
    message: '',
    previewDomain: 'it.preview.test',
    ingress: { host: 'web.shop', port: 8080, useTls: false, l5host: 'shop.internal' },
    headers: new Map(),
    metadata: new Map(),
    ...change,
  };
}

describe(InterceptSync.name, () => {
  let database: TestDatabase;
  let store: Store;
  let teamId: string;
  let otherTeamId: string;
  const changed: string[] = [];
  const bus: EventBus = {
    publish: async (event: ClusterEvent) => {
      if (event.type === 'preview.changed') changed.push(event.hostname);
    },
    subscribe: () => () => {},
    onGap: () => () => {},
    send: () => {},
    listen: () => ({ isReady: Promise.resolve(), stop: () => {} }),
    close: async () => {},
  };
  const logLines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line) => void logLines.push(line) });

  let previews: RequestedPreviews;
  let manager: FakeManager;
  let managerId: string;
  let session: Session;
  /** Every reported set of intercepts with a preview, newest last. */
  let gates: string[][];
  const syncs: InterceptSync[] = [];

  beforeAll(async () => {
    database = await createTestDatabase(inject('databaseUrl'), inject('migratedDatabase'));
    store = await createStore({ databaseUrl: database.url, dataDir: 'memory' });
    teamId = (await store.teams.create('Shop')).id;
    otherTeamId = (await store.teams.create('Other')).id;
    const settings = { public: { previewDomain: 'preview.test' }, limits: { maxPreviewsPerTeam: 1000 } };
    previews = new RequestedPreviews(store, settings as never, bus, log);
  });
  beforeEach(async () => {
    manager = new FakeManager();
    managerId = randomUUID();
    session = await register(teamId, managerId);
    gates = [];
    changed.length = 0;
    logLines.length = 0;
  });
  afterEach(() => {
    for (const sync of syncs.splice(0)) sync.stop();
  });
  afterAll(async () => {
    await store?.close();
    await database?.drop();
  });

  async function register(team: string, id: string): Promise<Session> {
    const key = await store.apiKeys.create(team, {
      name: 'test',
      hint: 'cvt_',
      hash: randomUUID(),
      scopes: ['tunnel'],
      expiresAt: null,
    });
    const registered = await store.sessions.register(team, {
      identity: { managerId: id, clusterId: '', name: 'Telepresence', version: '' },
      kind: 'telepresence',
      credential: { kind: 'api-key', apiKeyId: key.id },
      edgeId: 'edge',
      remoteAddress: '192.0.2.1',
      instanceId: id,
      at: new Date(),
    });
    return registered.session;
  }

  /** Creates them as CreateDomain does. Returns the ID of the intercept. */
  async function open(team = teamId, owner = managerId): Promise<{ id: string; hostname: string }> {
    const name = `web-${randomUUID()}`;
    const id = `${randomUUID()}:${name}`;
    const caller = {
      teamId: team,
      credential: { kind: 'api-key', apiKeyId: randomUUID() },
      actor: { kind: 'system', id: null, address: null },
    } as const;
    const hostname = await previews.open(caller, owner, {
      interceptId: id,
      displayBanner: false,
      interceptSpec: { name, agent: 'web', namespace: 'shop', mechanismArgs: [] } as never,
      host: 'shop.internal',
      pullRequestUrl: '',
      addRequestHeaders: {},
    });
    return { id, hostname };
  }

  function start(graceMs = 60_000): InterceptSync {
    const onShown = (ids: ReadonlySet<string>): void => void gates.push([...ids]);
    const sync = new InterceptSync({ manager, session, managerId, previews, graceMs, onShown, log });
    syncs.push(sync);
    sync.start();
    return sync;
  }

  const intercept = async (id: string, team = teamId): Promise<Intercept | null> =>
    store.intercepts.find(team, id);
  const previewOf = async (id: string): Promise<Preview | undefined> =>
    (await store.requestedPreviews.list(teamId, session.trafficManagerId)).find(
      (entry) => entry.intercept.id === id,
    )?.previews[0];

  describe('a report of the manager', () => {
    it('sets disposition, message, headers and metadata, change after change', async () => {
      const { id } = await open();
      start();
      manager.show(
        shown(id, {
          disposition: 4,
          message: 'no agent found',
          headers: new Map([['x-who', 'ada']]),
          metadata: new Map([['branch', 'größer ✓']]),
        }),
      );
      await eventually(() => intercept(id)).toMatchObject({
        disposition: 'NO_AGENT',
        message: 'no agent found',
        headers: { 'x-who': 'ada' },
        metadata: { branch: 'größer ✓' },
      });
      manager.show(shown(id));
      await eventually(() => intercept(id)).toMatchObject({
        disposition: 'ACTIVE',
        message: '',
        headers: {},
        metadata: {},
      });
      expect((await intercept(id))?.teamId).toBe(teamId);
    });

    it('sets the ingress, which every edge receives once', async () => {
      const { id, hostname } = await open();
      start();
      changed.length = 0;
      const ingress = { host: 'gate.shop', port: 8443, useTls: true, l5host: 'not taken from here' };
      manager.show(shown(id, { ingress }));
      await eventually(async () => (await previewOf(id))?.ingress).toMatchObject({
        host: 'gate.shop',
        port: 8443,
        useTls: true,
        l5Host: 'shop.internal',
      });
      await eventually(() => changed).toEqual([hostname]);
      manager.show(shown(id, { ingress, disposition: 2 }));
      await eventually(async () => (await intercept(id))?.disposition).toBe('WAITING');
      expect(changed).toEqual([hostname]);
    });

    it.each([
      ['no host', { host: '', port: 80 }],
      ['a host of two lines', { host: 'web\nx', port: 80 }],
      ['a host beyond the limit', { host: 'a'.repeat(254), port: 80 }],
      ['no port', { host: 'web', port: 0 }],
      ['a port out of range', { host: 'web', port: 65_536 }],
      ['a negative port', { host: 'web', port: -1 }],
    ])('does not set an ingress with %s', async (_name, told) => {
      const { id } = await open();
      const before = (await previewOf(id))?.ingress;
      start();
      manager.show(shown(id, { ingress: { ...told, useTls: false, l5host: '' }, disposition: 5 }));
      await eventually(async () => (await intercept(id))?.disposition).toBe('NO_MECHANISM');
      expect((await previewOf(id))?.ingress).toEqual(before);
    });

    it('sets only text that a page can show, shortened to the limit', async () => {
      const { id } = await open();
      start();
      const entries = Array.from({ length: 64 }, (_, n) => [`k${n}`, 'v'] as const);
      manager.show(
        shown(id, {
          disposition: 99,
          message: `a\u0000b\u2028c\ud800${'x'.repeat(5000)}`,
          metadata: new Map([
            ['two words', 'left out'],
            ['k'.repeat(129), 'left out'],
            ['', 'left out'],
            ['__proto__', 'left out'],
            ...entries,
          ]),
          headers: new Map([['x-a', `1\r\n2${'y'.repeat(5000)}`]]),
        }),
      );
      await eventually(async () => (await intercept(id))?.message).toMatch(/^a b c x{1000,1024}$/);
      const { disposition, metadata, headers } = (await intercept(id))!;
      expect(disposition).toBe('UNSPECIFIED');
      expect(Object.keys(metadata)).toHaveLength(32);
      expect(metadata).not.toHaveProperty('two words');
      expect(headers['x-a']).toMatch(/^1 2y{1000,1024}$/);
      // Stored values are compared: the same report is not written again.
      const update = vi.spyOn(store.requestedPreviews, 'followIntercept');
      const list = vi.spyOn(store.requestedPreviews, 'list');
      manager.show(manager.last[0]);
      await eventually(() => list.mock.results.length).toBe(1);
      await list.mock.results[0].value;
      await new Promise(setImmediate);
      expect(update).not.toHaveBeenCalled();
      update.mockRestore();
      list.mockRestore();
    });

    it('is stored even if the store failed in between', async () => {
      const [first, second] = [await open(), await open()];
      const { followIntercept } = store.requestedPreviews;
      const failing = vi
        .spyOn(store.requestedPreviews, 'followIntercept')
        .mockRejectedValueOnce(new Error('the store is away'));
      start();
      manager.show(shown(first.id, { disposition: 8 }), shown(second.id, { disposition: 8 }));
      for (const { id } of [first, second])
        await eventually(async () => (await intercept(id))?.disposition).toBe('BAD_ARGS');
      expect(logLines.join('')).toContain('the store is away');
      failing.mockRestore();
      expect(store.requestedPreviews.followIntercept).toBe(followIntercept);
    });
  });

  describe('reports of intercepts', () => {
    it('change no intercept of another manager or another team', async () => {
      const other = { id: randomUUID(), session: null };
      await register(teamId, other.id);
      const [foreign, stranger] = [await open(teamId, other.id), await open(otherTeamId, managerId)];
      const own = await open();
      const before = [await intercept(foreign.id), await intercept(stranger.id, otherTeamId)];
      start(1);
      manager.show(
        shown(foreign.id, { disposition: 7, message: 'mine now' }),
        shown(stranger.id, { disposition: 7, message: 'mine now' }),
        shown('nothing:known', { disposition: 7 }),
        shown(own.id, { disposition: 7 }),
      );
      await eventually(async () => (await intercept(own.id))?.disposition).toBe('AGENT_ERROR');
      expect([await intercept(foreign.id), await intercept(stranger.id, otherTeamId)]).toEqual(before);
      // Intercepts of others are not collected either if the manager does not report them.
      manager.show(shown(own.id, { disposition: 1 }));
      await eventually(async () => (await intercept(own.id))?.disposition).toBe('ACTIVE');
      expect([await intercept(foreign.id), await intercept(stranger.id, otherTeamId)]).toEqual(before);
    });

    it('that name one intercept twice have the last one stored', async () => {
      const { id } = await open();
      start();
      manager.show(shown(id, { disposition: 6 }), shown(id, { disposition: 3, previewDomain: '' }));
      await eventually(async () => (await intercept(id))?.disposition).toBe('NO_CLIENT');
      expect(gates).toEqual([[]]);
    });

    it('that the store does not know are compared by one query, and do not delay the next report', async () => {
      const { id } = await open();
      start();
      const list = vi.spyOn(store.requestedPreviews, 'list');
      manager.show(
        ...Array.from({ length: 10_000 }, (_, n) => shown(`nobody:${n}`)),
        shown(id, { disposition: 4 }),
      );
      await eventually(async () => (await intercept(id))?.disposition).toBe('NO_AGENT');
      expect(list).toHaveBeenCalledTimes(1);
      list.mockRestore();
    });

    it('are written only a few times a second in a storm of changes', async () => {
      const { id } = await open();
      start();
      const list = vi.spyOn(store.requestedPreviews, 'list');
      for (let n = 0; n < 500; n++) manager.show(shown(id, { message: `change ${n}` }));
      await eventually(async () => (await intercept(id))?.message).toBe('change 499');
      expect(list.mock.calls.length).toBeLessThanOrEqual(2);
      list.mockRestore();
    });
  });

  describe('streams to an intercept', () => {
    it('are allowed as soon as the manager reports the intercept with a preview', async () => {
      start();
      expect(gates).toEqual([]);
      manager.show(shown('a:1'), shown('b:2', { previewDomain: '' }));
      expect(gates).toEqual([['a:1']]);
      manager.show(shown('a:1', { previewDomain: '' }), shown('b:2'));
      expect(gates.at(-1)).toEqual(['b:2']);
    });

    it('are refused while the manager is not watched, which is then watched again', async () => {
      start();
      manager.show(shown('a:1'));
      const [watcher] = manager.watches.splice(0);
      watcher.onEnd({ status: 14, message: 'gone' });
      expect(gates.at(-1)).toEqual([]);
      await eventually(() => manager.watches).toHaveLength(1);
      manager.show(shown('a:1'));
      expect(gates.at(-1)).toEqual(['a:1']);
    });
  });

  describe('the collection after the grace period', () => {
    it('removes an intercept that the manager no longer reports, with its preview, and records it', async () => {
      const [gone, kept] = [await open(), await open()];
      start(1000);
      changed.length = 0;
      manager.show(shown(kept.id));
      expect(await intercept(gone.id)).not.toBeNull();
      await eventually(() => intercept(gone.id)).toBeNull();
      await eventually(() => changed).toContain(gone.hostname);
      expect(await intercept(kept.id)).not.toBeNull();
      await eventually(async () => (await store.auditEvents.list(teamId, { limit: 5 })).items).toContainEqual(
        expect.objectContaining({
          action: 'intercept.delete',
          targetId: gone.id,
          actor: expect.objectContaining({ kind: 'system' }),
        }),
      );
    });

    it('removes only the preview if its intercept is reported without one', async () => {
      const { id } = await open();
      start(200);
      manager.show(shown(id, { previewDomain: '', ingress: null }));
      await eventually(() => previewOf(id)).toBeUndefined();
      expect(await intercept(id)).not.toBeNull();
    });

    it('keeps what is reported again within the grace period', async () => {
      const { id } = await open();
      start(600);
      manager.show();
      await eventually(() => gates).toHaveLength(1);
      manager.show(shown(id, { disposition: 2 }));
      await eventually(async () => (await intercept(id))?.disposition).toBe('WAITING');
      manager.show();
      // Its grace period starts again: 600 ms after it was first missing, it still exists.
      const since = performance.now();
      await eventually(() => intercept(id)).toBeNull();
      expect(performance.now() - since).toBeGreaterThan(500);
    });

    it('ignores reports from before the watch of the manager was lost', async () => {
      const { id } = await open();
      start(200);
      manager.show();
      const [watcher] = manager.watches.splice(0);
      watcher.onEnd({ status: 14, message: 'gone' });
      await eventually(() => manager.watches).toHaveLength(1);
      expect(await intercept(id)).not.toBeNull();
      manager.show(shown(id, { disposition: 2 }));
      await eventually(async () => (await intercept(id))?.disposition).toBe('WAITING');
    });
  });

  describe('a preview that a person removed', () => {
    it('is removed at the manager if the manager shows that very preview', () => {
      const sync = start();
      manager.show(shown('a:1', { previewDomain: 'one.preview.test' }));
      sync.removePreview('a:1', 'other.preview.test');
      sync.removePreview('b:2', 'one.preview.test');
      expect(manager.removed).toEqual([]);
      sync.removePreview('a:1', 'one.preview.test');
      expect(manager.removed).toEqual(['a:1']);
    });

    it('is only recorded as kept if the manager keeps it', async () => {
      const sync = start();
      manager.show(shown('a:1'));
      manager.failure = { status: 4, message: 'the traffic manager did not answer' };
      sync.removePreview('a:1', 'it.preview.test');
      await eventually(() => logLines.join('')).toContain('did not answer');
      expect(manager.removed).toEqual(['a:1']);
    });
  });

  describe('the restoration of a removed preview', () => {
    const removed = async (id: string) => (await intercept(id))?.removedPreview?.hostname;

    async function remove(): Promise<{ id: string; hostname: string; sync: InterceptSync }> {
      const { id, hostname } = await open();
      const sync = start();
      manager.show(shown(id, { previewDomain: hostname, disposition: 1 }));
      await eventually(async () => (await intercept(id))?.disposition).toBe('ACTIVE');
      const page = await store.previews.list(teamId, { interceptId: id }, { limit: 1 });
      await store.previews.remove(teamId, page.items[0].id);
      return { id, hostname, sync };
    }

    it('is possible while the manager shows the preview, and not afterwards', async () => {
      const { id, hostname, sync } = await remove();
      sync.removePreview(id, hostname);
      manager.show(shown(id, { previewDomain: hostname, disposition: 2 }));
      await eventually(async () => (await intercept(id))?.disposition).toBe('WAITING');
      expect(await removed(id)).toBe(hostname);
      manager.show(shown(id, { previewDomain: '', disposition: 2 }));
      await eventually(() => removed(id)).toBeUndefined();
      expect(await intercept(id)).not.toBeNull();
    });

    it('is not possible if the manager no longer showed the preview when it was removed', async () => {
      const { id, hostname } = await open();
      const sync = start(60_000);
      manager.show(shown(id, { previewDomain: '', disposition: 2 }));
      await eventually(async () => (await intercept(id))?.disposition).toBe('WAITING');
      const page = await store.previews.list(teamId, { interceptId: id }, { limit: 1 });
      await store.previews.remove(teamId, page.items[0].id);
      expect(await removed(id)).toBe(hostname);
      sync.removePreview(id, hostname);
      await eventually(() => removed(id)).toBeUndefined();
    });
  });

  it('does nothing after it was stopped', async () => {
    const { id } = await open();
    const sync = start(1);
    const [watcher] = manager.watches;
    sync.stop();
    expect(manager.watches).toEqual([]);
    watcher.onSnapshot([]);
    sync.removePreview(id, 'it.preview.test');
    expect([gates, manager.removed]).toEqual([[], []]);
    expect(await intercept(id)).not.toBeNull();
  });
});
