import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { SCOPES, type Scope, generateApiKeySecret, hashApiKeySecret, type Store } from '@culvert/domain';
import { DEFAULT_HEAD_LIMITS, parseRequestHead, type RequestHead } from '@culvert/http1';
import { type HandedOffStream, type HandedOffStreamHandler, TunnelRegistry } from '@culvert/relay';
import { createStore } from '@culvert/store';
import { GrpcStatus, REVERSE_CONNECTION_PATH } from '@culvert/telepresence';
import {
  createTestDatabase,
  Deferred,
  LoopbackManager,
  type LoopbackOptions,
  type TestDatabase,
} from '@culvert/testkit';
import { ResetCode, type StreamHandler, type StreamTarget } from '@culvert/tunnel';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { TunnelSessions } from '../tunnels/tunnel-sessions.js';
import { CallAuthenticator } from './credentials.js';
import { RequestedPreviews } from './requested-previews.js';
import { ReverseConnections } from './reverse-connections.js';

const USER_DAEMON = '/telepresence.systema.UserDaemonSystemAProxy/ReverseConnection';

/** A ReverseConnection call that a manager in this process makes. */
class LoopbackCall implements HandedOffStream {
  readonly peer = '192.0.2.1';
  handler: HandedOffStreamHandler = { onData() {}, onEnd() {}, onDrain() {}, onClose() {} };
  /** Resolves when the edge has accepted it. */
  readonly accepted = new Deferred();
  readonly ended = new Deferred<{ readonly status: number; readonly message: string }>();

  constructor(
    readonly manager: LoopbackManager,
    readonly head: RequestHead,
  ) {}

  respond(): void {
    this.manager.start({
      onData: (chunk) => this.handler.onData(chunk),
      onEnd: () => this.handler.onEnd(),
      onDrain: () => this.handler.onDrain(),
      onClose: () => this.handler.onClose(),
    });
    this.accepted.resolve();
  }
  write(bytes: Buffer): boolean {
    return this.manager.write(bytes);
  }
  pause(): void {
    this.manager.pause();
  }
  resume(): void {
    this.manager.resume();
  }
  end(trailers: Readonly<Record<string, string>>): void {
    const status = Number(trailers['grpc-status']);
    const message = decodeURIComponent(trailers['grpc-message']);
    this.manager.end(status, message);
    this.ended.resolve({ status, message });
  }
  reset(): void {
    this.manager.die();
  }
}

/** Timeout for slow machines. */
const eventually = <T>(read: () => T) => expect.poll(read, { timeout: 15_000 });

const ignore: StreamHandler = { onOpen() {}, onData() {}, onEnd() {}, onReset() {}, onDrain() {} };

describe(ReverseConnections.name, () => {
  let database: TestDatabase;
  let store: Store;
  let teamId: string;
  let key: string;
  let ingress: Server;
  let ingressPort: number;
  const logLines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line) => void logLines.push(line) });
  const bus = {
    publish: async () => {},
    subscribe: () => () => {},
    onGap: () => () => {},
    send: () => {},
    listen: () => ({ isReady: Promise.resolve(), stop: () => {} }),
    close: async () => {},
  };

  const apiKeyUse = { record() {}, recordOpen: async () => {} };

  let registry: TunnelRegistry;
  let sessions: TunnelSessions;
  let previews: RequestedPreviews;
  let connections: ReverseConnections;
  const calls: LoopbackCall[] = [];

  beforeAll(async () => {
    database = await createTestDatabase(inject('databaseUrl'), inject('migratedDatabase'));
    store = await createStore({ databaseUrl: database.url, dataDir: 'memory' });
    teamId = (await store.teams.create('Shop')).id;
    key = await keyOf(teamId, ['tunnel']);
    ingress = createServer((socket) => socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1');
    await once(ingress, 'listening');
    ingressPort = (ingress.address() as AddressInfo).port;
  });
  beforeEach(() => {
    logLines.length = 0;
    start({});
  });
  afterEach(async () => {
    vi.useRealTimers();
    for (const call of calls.splice(0)) {
      expect(call.manager.mistakes).toEqual([]);
      call.manager.die();
    }
    connections.close();
    await sessions.close();
  });
  afterAll(async () => {
    ingress?.close();
    await store?.close();
    await database?.drop();
  });

  function start(options: { maxTunnels?: number; maxSessionsPerTeam?: number; retentionMs?: number }): void {
    const { maxTunnels = 100, maxSessionsPerTeam = 100, retentionMs = 86_400_000 } = options;
    registry = new TunnelRegistry();
    const limits = { maxStreamsPerTunnel: 100, maxTunnels, maxSessionsPerTeam, sessionGraceMs: 60_000 };
    sessions = new TunnelSessions(store, registry, limits, log, apiKeyUse, () => {});
    const settings = { public: { previewDomain: 'preview.test' }, limits: { maxPreviewsPerTeam: 1000 } };
    previews = new RequestedPreviews(store, settings as never, bus, log);
    const authenticator = new CallAuthenticator(store, apiKeyUse);
    connections = new ReverseConnections({
      store,
      authenticator,
      previews,
      sessions,
      registry,
      graceMs: 60_000,
      retentionMs,
      log,
    });
  }

  async function keyOf(team: string, scopes: readonly Scope[], expiresAt: Date | null = null) {
    const secret = generateApiKeySecret();
    const hash = hashApiKeySecret(secret);
    await store.apiKeys.create(team, { name: 'test', hint: 'cvt_', hash, scopes, expiresAt });
    return secret;
  }

  function dial(
    options: { managerId?: string | null; apiKey?: string; path?: string; loopback?: LoopbackOptions } = {},
  ): LoopbackCall {
    const { managerId = randomUUID(), apiKey = key, path = REVERSE_CONNECTION_PATH, loopback } = options;
    const id = managerId === null ? '' : `x-telepresence-managerid: ${managerId}\r\n`;
    const bytes = Buffer.from(
      `POST ${path} HTTP/1.1\r\nHost: app.test\r\n${id}x-ambassador-api-key: ${apiKey}\r\n\r\n`,
    );
    const head = parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS);
    const call = new LoopbackCall(new LoopbackManager(loopback), head);
    calls.push(call);
    expect(connections.accepts(head)).toBe(true);
    connections.receive(call);
    return call;
  }

  /** Returns the traffic manager's own ID, once it is known. */
  async function trafficManager(managerId: string, team = teamId): Promise<string | undefined> {
    const { items } = await store.trafficManagers.list(team, { limit: 200 });
    return items.find((each) => each.managerId === managerId)?.id;
  }

  async function connected(managerId: string, team = teamId): Promise<string> {
    const found = async () => registry.preferred((await trafficManager(managerId, team)) ?? '');
    await eventually(found).not.toBeNull();
    return (await trafficManager(managerId, team))!;
  }

  /** Creates an intercept of this manager with its preview, as CreateDomain does; not reported yet. */
  async function openPreview(managerId: string, manager: LoopbackManager) {
    const added = manager.table.add({ name: `web-${randomUUID()}` });
    const caller = {
      teamId,
      credential: { kind: 'api-key', apiKeyId: randomUUID() },
      actor: { kind: 'system', id: null, address: null },
    } as const;
    const hostname = await previews.open(caller, managerId, {
      interceptId: added.id,
      displayBanner: false,
      interceptSpec: { ...added.spec } as never,
      host: 'shop.internal',
      pullRequestUrl: '',
      addRequestHeaders: {},
    });
    const show = (): void => {
      added.previewDomain = hostname;
      added.previewSpec = { ingress: { host: '127.0.0.1', port: ingressPort } };
      manager.table.changed();
    };
    return { intercept: added, hostname, show };
  }

  const target = (interceptId: string): StreamTarget => ({
    interceptId,
    host: '127.0.0.1',
    port: ingressPort,
    tls: false,
    serverName: '',
    verifyTls: false,
  });
  const openStream = (trafficManagerId: string, interceptId: string) =>
    registry.openStream(trafficManagerId, target(interceptId), ignore);

  it('makes a tunnel in the session of its manager, for as long as it lasts', async () => {
    const managerId = randomUUID();
    const call = dial({ managerId });
    const id = await connected(managerId);
    const state = async () =>
      (await store.sessions.list(teamId, { trafficManagerId: id }, { limit: 1 })).items[0];
    await eventually(state).toMatchObject({
      kind: 'telepresence',
      tunnelCount: 1,
      remoteAddress: '192.0.2.1',
    });
    call.manager.die();
    await eventually(() => registry.preferred(id)).toBeNull();
    await eventually(state).toMatchObject({ tunnelCount: 0 });
    expect(sessions.count).toBe(0);
  });

  /*
   * A session showed the round trip only from the opening of its tunnel or from the next heartbeat, up to ten seconds
   * later. Sessions of managers up to 2.3.1 showed none: these managers speak first, and acknowledge our SETTINGS only
   * after the tunnel has opened.
   */
  it.each(['v2.0.0', 'v2.1.5', 'v2.3.7', 'v2.14.0'])(
    'records the round trip of a session as soon as it is measured (%s)',
    async (version) => {
      // No upkeep records it.
      vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
      connections.close();
      await sessions.close();
      start({});
      const managerId = randomUUID();
      dial({ managerId, loopback: { version } });
      const id = await connected(managerId);
      const roundTripMs = async () => {
        const { items } = await store.sessions.list(teamId, {}, { limit: 200 });
        return items.find(({ trafficManagerId }) => trafficManagerId === id)?.roundTripMs;
      };
      await expect.poll(roundTripMs, { timeout: 15_000 }).toBeGreaterThan(0);
    },
  );

  it('opens no stream before the manager reports the intercept with its preview', async () => {
    const managerId = randomUUID();
    const { manager } = dial({ managerId });
    const id = await connected(managerId);
    const { intercept, show } = await openPreview(managerId, manager);
    const stored = async () => (await store.intercepts.find(teamId, intercept.id))?.disposition;
    // It reports the intercept, but no preview yet: a stream now would crash it.
    intercept.disposition = 2;
    manager.table.changed();
    await eventually(stored).toBe('WAITING');
    expect(openStream(id, intercept.id)).toBe('absent');
    const woken = new Promise<void>((resolve) => registry.onArrival(id, resolve));
    show();
    await woken;
    const opened = openStream(id, intercept.id);
    expect(opened).toMatchObject({ maxIdleMs: 1000 });
    await eventually(() => manager.server.totalConnections).toBe(1);
  });

  it('stores and logs no keys and environments that a manager reports', async () => {
    const managerId = randomUUID();
    const { manager } = dial({ managerId });
    const id = await connected(managerId);
    const { intercept, show } = await openPreview(managerId, manager);
    intercept.message = 'kept';
    show();
    const entry = async () =>
      (await store.requestedPreviews.list(teamId, id)).find((each) => each.intercept.id === intercept.id);
    await eventually(async () => (await entry())?.intercept.message).toBe('kept');
    await eventually(async () => (await entry())?.previews[0].ingress.port).toBe(ingressPort);
    const audit = await store.auditEvents.list(teamId, { limit: 50 });
    const kept = JSON.stringify([await entry(), audit, logLines]);
    expect(kept).not.toMatch(/agent-key-of-the-client|secret-of-the-workload|DATABASE_PASSWORD|tmp\/client/);
  });

  describe('the newest call of a manager', () => {
    it('carries new streams, and the older one ends', async () => {
      const managerId = randomUUID();
      const first = dial({ managerId });
      const id = await connected(managerId);
      const older = registry.preferred(id);
      const second = dial({ managerId });
      await eventually(() => registry.preferred(id)).not.toBe(older);
      const newer = registry.preferred(id);
      expect(await first.ended.promise).toMatchObject({ status: GrpcStatus.ABORTED });
      // The end of the older call, and the later loss of its connection, do not affect the current one.
      first.manager.die();
      await eventually(() => sessions.count).toBe(1);
      expect(registry.preferred(id)).toBe(newer);
      second.manager.die();
      await eventually(() => registry.preferred(id)).toBeNull();
    });

    it('belongs to a manager of one team: another team can have a manager with the same id', async () => {
      const managerId = randomUUID();
      const other = (await store.teams.create('Other')).id;
      const ours = dial({ managerId });
      const id = await connected(managerId);
      const tunnel = registry.preferred(id);
      dial({ managerId, apiKey: await keyOf(other, ['tunnel']) });
      const theirs = await connected(managerId, other);
      expect(theirs).not.toBe(id);
      expect(registry.preferred(id)).toBe(tunnel);
      expect(ours.manager.mistakes).toEqual([]);
    });
  });

  describe('a refusal', () => {
    const statusOf = async (call: LoopbackCall) => (await call.ended.promise).status;

    it('meets a caller without a valid key for it', async () => {
      const wrong = dial({ apiKey: generateApiKeySecret() });
      expect(await wrong.ended.promise).toEqual({
        status: GrpcStatus.UNAUTHENTICATED,
        message: 'the API key does not exist on this server',
      });
      const expired = await keyOf(teamId, SCOPES, new Date(Date.now() - 1));
      expect(await statusOf(dial({ apiKey: expired }))).toBe(GrpcStatus.UNAUTHENTICATED);
      const agent = await keyOf(teamId, ['previews:read', 'previews:write']);
      expect(await dial({ apiKey: agent }).ended.promise).toEqual({
        status: GrpcStatus.PERMISSION_DENIED,
        message: 'the API key lacks the scope tunnel',
      });
      expect(sessions.count).toBe(0);
    });

    it('meets a manager without an id, and user daemons', async () => {
      expect(await statusOf(dial({ managerId: null }))).toBe(GrpcStatus.INVALID_ARGUMENT);
      expect(await statusOf(dial({ managerId: 'x'.repeat(256) }))).toBe(GrpcStatus.INVALID_ARGUMENT);
      expect(await statusOf(dial({ path: USER_DAEMON }))).toBe(GrpcStatus.UNIMPLEMENTED);
    });

    it('meets a tunnel that the edge has no room for', async () => {
      start({ maxTunnels: 1 });
      const managerId = randomUUID();
      dial({ managerId });
      await connected(managerId);
      expect(await statusOf(dial())).toBe(GrpcStatus.RESOURCE_EXHAUSTED);
    });

    it('meets one session beyond the limit of the team', async () => {
      const busy = (await store.teams.create('Busy')).id;
      const apiKey = await keyOf(busy, ['tunnel']);
      start({ maxSessionsPerTeam: 1 });
      const managerId = randomUUID();
      dial({ managerId, apiKey });
      await connected(managerId, busy);
      expect(await dial({ apiKey }).ended.promise).toEqual({
        status: GrpcStatus.RESOURCE_EXHAUSTED,
        message: 'the team has reached its limit of 1 sessions',
      });
    });

    it('meets a key that was revoked during its look-up', async () => {
      const apiKey = await keyOf(teamId, ['tunnel']);
      const { id } = (await store.apiKeys.findByHash(hashApiKeySecret(apiKey)))!;
      const register = store.sessions.register.bind(store.sessions);
      const registering = vi.spyOn(store.sessions, 'register').mockImplementationOnce(async (...all) => {
        await store.apiKeys.revoke(teamId, id, new Date());
        return register(...all);
      });
      expect(await statusOf(dial({ apiKey }))).toBe(GrpcStatus.UNAUTHENTICATED);
      registering.mockRestore();
    });

    it('does not quote the database', async () => {
      const registering = vi
        .spyOn(store.sessions, 'register')
        .mockRejectedValueOnce(new Error('relation "session" does not exist'));
      const { status, message } = await dial().ended.promise;
      expect(status).toBe(GrpcStatus.UNAVAILABLE);
      expect(message).not.toContain('relation');
      expect(logLines.join('')).toContain('relation');
      registering.mockRestore();
    });
  });

  describe('a call that ends', () => {
    it.each([
      ['another protocol', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
      ['an invalid Chunk', Buffer.from([0, 0, 0, 0, 3, 0x0a, 9, 1])],
      ['a Chunk beyond the limit', Buffer.from([0, 0x7f, 0xff, 0xff, 0xff])],
      ['a compressed Chunk', Buffer.from([1, 0, 0, 0, 1, 0])],
    ])('because it carries %s makes no tunnel', async (_name, garbage) => {
      const managerId = randomUUID();
      const { ended } = dial({ managerId, loopback: { faults: { garbage } } });
      const { status, message } = await ended.promise;
      expect(status).toBe(GrpcStatus.INTERNAL);
      expect(message).toMatch(/^the traffic manager /);
      expect(registry.preferred((await trafficManager(managerId))!)).toBeNull();
      await eventually(() => sessions.count).toBe(0);
    });

    it('because its manager sends nothing for ten seconds makes no tunnel', async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'], shouldAdvanceTime: true });
      const managerId = randomUUID();
      const call = dial({ managerId, loopback: { faults: { isMute: true } } });
      await call.accepted.promise;
      expect(sessions.count).toBe(1);
      expect(registry.preferred((await trafficManager(managerId))!)).toBeNull();
      vi.advanceTimersByTime(10_000);
      expect((await call.ended.promise).status).toBe(GrpcStatus.INTERNAL);
      expect(sessions.count).toBe(0);
    });

    it('because its key was revoked ends the tunnel with that reason', async () => {
      const apiKey = await keyOf(teamId, ['tunnel']);
      const managerId = randomUUID();
      const call = dial({ managerId, apiKey });
      await connected(managerId);
      sessions.closeByKey((await store.apiKeys.findByHash(hashApiKeySecret(apiKey)))!.id);
      expect(await call.ended.promise).toEqual({
        status: GrpcStatus.UNAUTHENTICATED,
        message: 'the API key is no longer valid',
      });
    });

    it('because its manager half-closes it ends the tunnel at once', async () => {
      const managerId = randomUUID();
      const call = dial({ managerId });
      const id = await connected(managerId);
      call.manager.onServerClosed();
      expect((await call.ended.promise).status).toBe(GrpcStatus.OK);
      expect(registry.preferred(id)).toBeNull();
    });
  });

  // Managers stayed at an edge that stops until the grace was over, and were unreachable at all other edges.
  describe('an edge that stops', () => {
    const reasonOf = async (trafficManagerId: string) =>
      (await store.connectionEvents.list(teamId, trafficManagerId, { limit: 1 })).items[0]?.reason;

    it('ends the call of an idle manager at once, so that the manager dials another edge', async () => {
      const managerId = randomUUID();
      const call = dial({ managerId });
      const id = await connected(managerId);
      sessions.drain();
      expect(registry.isHeld(id)).toBe(false);
      expect(await call.ended.promise).toEqual({
        status: GrpcStatus.UNAVAILABLE,
        message: 'the edge is shutting down',
      });
      await eventually(() => reasonOf(id)).toBe('edge_stopped');
    });

    /** Connects a manager with a stream, and returns its call. */
    async function busy() {
      const managerId = randomUUID();
      const call = dial({ managerId });
      const id = await connected(managerId);
      const { intercept, show } = await openPreview(managerId, call.manager);
      show();
      await eventually(() => registry.preferred(id)?.isReadyFor?.(target(intercept.id))).toBe(true);
      const opened = openStream(id, intercept.id);
      if (typeof opened === 'string') throw new Error(opened);
      return { call, id, stream: opened.stream, intercept };
    }

    it('lets streams of a manager finish, and opens no further ones', async () => {
      const { call, id, stream, intercept } = await busy();
      sessions.drain();
      expect(openStream(id, intercept.id)).toBe('absent');
      expect(registry.isHeld(id)).toBe(false);
      expect(sessions.count).toBe(1);
      stream.reset(ResetCode.CANCEL);
      expect((await call.ended.promise).status).toBe(GrpcStatus.UNAVAILABLE);
    });

    it('ends the call of a manager with a long stream after two seconds', async () => {
      const { call } = await busy();
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      sessions.drain();
      vi.advanceTimersByTime(1999);
      expect(sessions.count).toBe(1);
      vi.advanceTimersByTime(1);
      expect((await call.ended.promise).status).toBe(GrpcStatus.UNAVAILABLE);
    });

    it('refuses a call whose manager it registers meanwhile, so that the manager dials another edge', async () => {
      const looking = vi.spyOn(store.apiKeys, 'findUnusable').mockImplementationOnce(async () => {
        sessions.drain();
        return [];
      });
      const managerId = randomUUID();
      const refused = { status: GrpcStatus.UNAVAILABLE, message: 'the edge is shutting down' };
      expect(await dial({ managerId }).ended.promise).toEqual(refused);
      looking.mockRestore();
      expect(sessions.count).toBe(0);
      const count = async () =>
        (
          await store.sessions.list(
            teamId,
            { trafficManagerId: (await trafficManager(managerId))! },
            { limit: 1 },
          )
        ).items[0]?.tunnelCount;
      await eventually(count).toBe(0);
      expect(await dial().ended.promise).toEqual(refused);
    });

    it('lets long streams continue if there is no other edge', async () => {
      const { call, stream } = await busy();
      sessions.isAlone = true;
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      sessions.drain();
      vi.advanceTimersByTime(60_000);
      expect(sessions.count).toBe(1);
      stream.reset(ResetCode.CANCEL);
      expect((await call.ended.promise).status).toBe(GrpcStatus.UNAVAILABLE);
    });
  });

  it('ignores a call that closed before it was accepted', async () => {
    const call = dial();
    call.handler.onClose();
    // A later dial is answered later.
    const managerId = randomUUID();
    dial({ managerId });
    await connected(managerId);
    await eventually(() => sessions.count).toBe(1);
    expect(logLines.filter((line) => line.includes('"level":50'))).toEqual([]);
  });

  describe('a storm of dials', () => {
    it('gets answers only after five seconds beyond 30 dials in ten seconds, without delaying others', async () => {
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'], shouldAdvanceTime: true });
      const managerId = randomUUID();
      const apiKey = generateApiKeySecret();
      const first = Array.from({ length: 30 }, () => dial({ managerId, apiKey }));
      for (const { ended } of first) expect((await ended.promise).status).toBe(GrpcStatus.UNAUTHENTICATED);
      const beyond = dial({ managerId, apiKey });
      const answered = vi.fn();
      void beyond.ended.promise.then(answered);
      vi.advanceTimersByTime(4000);
      // The same key, used by another manager: answered at once.
      expect((await dial({ apiKey }).ended.promise).status).toBe(GrpcStatus.UNAUTHENTICATED);
      expect(answered).not.toHaveBeenCalled();
      vi.advanceTimersByTime(1000);
      expect((await beyond.ended.promise).status).toBe(GrpcStatus.RESOURCE_EXHAUSTED);
      vi.advanceTimersByTime(10_000);
      expect((await dial({ managerId, apiKey }).ended.promise).status).toBe(GrpcStatus.UNAUTHENTICATED);
    });
  });

  it('asks the manager to remove a shown preview that a person removed', async () => {
    const managerId = randomUUID();
    const { manager } = dial({ managerId, loopback: { version: 'v2.5.8' } });
    const id = await connected(managerId);
    const { intercept, hostname, show } = await openPreview(managerId, manager);
    show();
    await eventually(() => typeof openStream(id, intercept.id)).toBe('object');
    connections.handleRemovedPreview(id, intercept.id, 'another.preview.test');
    connections.handleRemovedPreview(id, intercept.id, hostname);
    await eventually(() => manager.removedDomains).toEqual([hostname]);
    // Managers that are not connected here are not asked.
    connections.handleRemovedPreview(randomUUID(), intercept.id, hostname);
    expect(manager.removedDomains).toEqual([hostname]);
  });

  it('removes, once a minute, everything of a manager that has been away for too long', async () => {
    connections.close();
    await sessions.close();
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    start({ retentionMs: 1 });
    const [gone, here] = [randomUUID(), randomUUID()];
    const call = dial({ managerId: gone });
    const goneId = await connected(gone);
    const left = await openPreview(gone, call.manager);
    const { manager } = dial({ managerId: here });
    const hereId = await connected(here);
    const kept = await openPreview(here, manager);
    kept.show();
    call.manager.die();
    const count = async () =>
      (await store.sessions.list(teamId, { trafficManagerId: goneId }, { limit: 1 })).items[0]?.tunnelCount;
    await eventually(count).toBe(0);
    // Once: each minute is also six upkeeps of the edge, whose writes would pile up on a busy machine.
    vi.advanceTimersByTime(60_000);
    await eventually(() => store.trafficManagers.find(teamId, goneId)).toBeNull();
    expect(await store.intercepts.find(teamId, left.intercept.id)).toBeNull();
    expect(await store.trafficManagers.find(teamId, hereId)).not.toBeNull();
    expect(await store.intercepts.find(teamId, kept.intercept.id)).not.toBeNull();
  });
});
