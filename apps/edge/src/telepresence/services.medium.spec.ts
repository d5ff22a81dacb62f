import { randomUUID } from 'node:crypto';
import { SCOPES, generateApiKeySecret, hashApiKeySecret, type Store } from '@culvert/domain';
import { DEFAULT_HEAD_LIMITS, parseRequestHead, type RequestHead } from '@culvert/http1';
import type { HandedOffStream, HandedOffStreamHandler } from '@culvert/relay';
import { createStore } from '@culvert/store';
import { GrpcStatus, Methods } from '@culvert/telepresence';
import { createTestDatabase, Deferred, type TestDatabase } from '@culvert/testkit';
import pino from 'pino';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { CallAuthenticator } from './credentials.js';
import { RequestedPreviews } from './requested-previews.js';
import { TelepresenceServices } from './services.js';

/** One call with its whole request, and its answer. */
class Call implements HandedOffStream {
  readonly peer = '192.0.2.1';
  handler!: HandedOffStreamHandler;
  readonly ended = new Deferred<Readonly<Record<string, string>>>();
  private answer: Buffer = Buffer.alloc(0);

  constructor(
    readonly head: RequestHead,
    private readonly message: Buffer,
  ) {}

  respond(): void {}
  write(bytes: Buffer): boolean {
    this.answer = bytes.subarray(5);
    return true;
  }
  end(trailers: Readonly<Record<string, string>>): void {
    this.ended.resolve(trailers);
  }
  pause(): void {}
  resume(): void {
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(this.message.length, 1);
    this.handler.onData(Buffer.concat([prefix, this.message]));
    this.handler.onEnd();
  }
  reset(): void {}

  async status(): Promise<number> {
    return Number((await this.ended.promise)['grpc-status']);
  }

  get domain(): string {
    return Methods.createDomain.response.decode(this.answer).domain;
  }
}

describe(TelepresenceServices.name, () => {
  let database: TestDatabase;
  let store: Store;
  let teamId: string;
  let key: string;
  let managerId: string;
  let services: TelepresenceServices;
  const log = pino({ level: 'silent' });
  const bus = {
    publish: async () => {},
    subscribe: () => () => {},
    onGap: () => () => {},
    send: () => {},
    listen: () => ({ isReady: Promise.resolve(), stop: () => {} }),
    close: async () => {},
  };

  beforeAll(async () => {
    database = await createTestDatabase(inject('databaseUrl'), inject('migratedDatabase'));
    store = await createStore({ databaseUrl: database.url, dataDir: 'memory' });
  });
  beforeEach(async () => {
    teamId = (await store.teams.create('Shop')).id;
    key = generateApiKeySecret();
    const draft = { name: 'test', hint: 'cvt_', hash: hashApiKeySecret(key), scopes: SCOPES };
    await store.apiKeys.create(teamId, { ...draft, expiresAt: null });
    managerId = randomUUID();
    const settings = { public: { previewDomain: 'preview.test' }, limits: { maxPreviewsPerTeam: 1000 } };
    services = new TelepresenceServices({
      authenticator: new CallAuthenticator(store, { record() {} }),
      previews: new RequestedPreviews(store, settings as never, bus, log),
      agentImage: null,
      log,
    });
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });
  afterAll(async () => {
    await store?.close();
    await database?.drop();
  });

  function call(path: string, message: Buffer, fields = ''): Call {
    const bytes = Buffer.from(
      `POST ${path} HTTP/1.1\r\nHost: app.test\r\nx-telepresence-managerid: ${managerId}\r\nx-ambassador-api-key: ${key}\r\n${fields}\r\n`,
    );
    const made = new Call(parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS), message);
    void services.serveCall(made);
    return made;
  }

  function createDomain(interceptId = `${randomUUID()}:web`, fields = ''): Call {
    const { path, request } = Methods.createDomain;
    const spec = { name: 'web', agent: 'web', namespace: 'shop', client: interceptId, mechanismArgs: [] };
    const message = {
      interceptId,
      displayBanner: false,
      interceptSpec: spec as never,
      host: 'shop.internal',
      pullRequestUrl: '',
      addRequestHeaders: {},
    };
    return call(path, request.encode(message), fields);
  }

  /** Holds every `open` until its turn is given. */
  function holdOpen(): { readonly begun: string[]; readonly turns: Deferred[] } {
    const held = { begun: [] as string[], turns: [] as Deferred[] };
    const open = store.requestedPreviews.open.bind(store.requestedPreviews);
    vi.spyOn(store.requestedPreviews, 'open').mockImplementation(async (team, request) => {
      const turn = new Deferred();
      held.begun.push(request.interceptId);
      held.turns.push(turn);
      await turn.promise;
      return open(team, request);
    });
    return held;
  }

  /*
   * All previews of a burst were made concurrently and finished together, after the deadline of their manager, when no
   * caller waited for them.
   */
  it('makes the previews of a team one after the other, and answers each when it exists', async () => {
    const { begun, turns } = holdOpen();
    const ids = ['a', 'b', 'c', 'd'].map((name) => `${randomUUID()}:${name}`);
    const calls: Call[] = [];
    for (const [i, id] of ids.entries()) {
      calls.push(createDomain(id));
      // The first call begins before the next arrives: their keys are looked up concurrently.
      if (i === 0) await expect.poll(() => begun).toHaveLength(1);
    }
    for (let i = 0; i < ids.length; i++) {
      await expect.poll(() => begun).toHaveLength(i + 1);
      turns[i].resolve();
      const answered = calls.find((each) => each.head === calls[ids.indexOf(begun[i])].head)!;
      expect(await answered.status()).toBe(GrpcStatus.OK);
      expect(answered.domain).toMatch(/\.preview\.test$/);
    }
    expect(begun.toSorted()).toEqual(ids.toSorted());
  });

  it('makes no preview for a call whose deadline has passed, or whose caller is gone', async () => {
    const { begun, turns } = holdOpen();
    const first = createDomain();
    await expect.poll(() => begun).toHaveLength(1);
    const late = createDomain('late:web', 'grpc-timeout: 20m\r\n');
    const gone = createDomain('gone:web');
    expect(await late.status()).toBe(GrpcStatus.DEADLINE_EXCEEDED);
    // The message of this call was read: its handler now accepts no bytes, and waits for the caller to end.
    await expect.poll(() => gone.handler.onData.length).toBe(0);
    gone.handler.onClose();
    const last = createDomain('last:web');
    turns[0].resolve();
    expect(await first.status()).toBe(GrpcStatus.OK);
    await expect.poll(() => begun.at(-1)).toBe('last:web');
    turns[1].resolve();
    expect(await last.status()).toBe(GrpcStatus.OK);
    expect(begun).not.toContain('late:web');
    expect(begun).not.toContain('gone:web');
  });

  it('does not make a team wait for the previews of another', async () => {
    const { begun, turns } = holdOpen();
    createDomain();
    await expect.poll(() => begun).toHaveLength(1);
    const other = (await store.teams.create('Other')).id;
    key = generateApiKeySecret();
    const draft = { name: 'test', hint: 'cvt_', hash: hashApiKeySecret(key), scopes: SCOPES };
    await store.apiKeys.create(other, { ...draft, expiresAt: null });
    const theirs = createDomain();
    await expect.poll(() => begun).toHaveLength(2);
    turns[1].resolve();
    expect(await theirs.status()).toBe(GrpcStatus.OK);
    turns[0].resolve();
  });

  /*
   * Managers from 2.3.1 to 2.4.11 deadlock if an intercept is created again before this answer; up to 2.6.2 the removal
   * then ended the new preview.
   */
  it('answers removals before their work is done, and keeps later previews', async () => {
    const interceptId = `${randomUUID()}:web`;
    const first = createDomain(interceptId);
    expect(await first.status()).toBe(GrpcStatus.OK);
    const hold = new Deferred();
    const { requestedPreviews } = store;
    const close = requestedPreviews.close.bind(requestedPreviews);
    vi.spyOn(requestedPreviews, 'close').mockImplementation(async (...all) => {
      await hold.promise;
      return close(...all);
    });
    const closed = vi.spyOn(requestedPreviews, 'closeIntercept');
    const { removeDomain, removeIntercept } = Methods;
    const domain = call(removeDomain.path, removeDomain.request.encode({ domain: first.domain }));
    expect(await domain.status()).toBe(GrpcStatus.OK);
    const intercept = call(removeIntercept.path, removeIntercept.request.encode({ interceptId }));
    expect(await intercept.status()).toBe(GrpcStatus.OK);
    expect(closed).not.toHaveBeenCalled();
    const again = createDomain(interceptId);
    hold.resolve();
    expect(await again.status()).toBe(GrpcStatus.OK);
    expect(again.domain).toBe(first.domain);
    expect(closed).toHaveBeenCalledOnce();
    expect(await store.intercepts.find(teamId, interceptId)).not.toBeNull();
  });

  it('restores the hostname of a preview that a person removed, when its manager asks again', async () => {
    const interceptId = `${randomUUID()}:web`;
    const first = createDomain(interceptId);
    expect(await first.status()).toBe(GrpcStatus.OK);
    const page = await store.previews.list(teamId, { interceptId }, { limit: 1 });
    await store.previews.remove(teamId, page.items[0].id);
    expect(await store.previews.findRoute(first.domain)).toBeNull();
    const again = createDomain(interceptId);
    expect(await again.status()).toBe(GrpcStatus.OK);
    expect(again.domain).toBe(first.domain);
    expect(await store.previews.findRoute(first.domain)).toMatchObject({ interceptId, access: 'team' });
    expect((await store.intercepts.find(teamId, interceptId))?.removedPreview).toBeNull();
  });

  it('refuses a removal without a key that has the scope', async () => {
    key = generateApiKeySecret();
    const { path, request } = Methods.removeIntercept;
    expect(await call(path, request.encode({ interceptId: 'a:b' })).status()).toBe(
      GrpcStatus.UNAUTHENTICATED,
    );
  });
});
