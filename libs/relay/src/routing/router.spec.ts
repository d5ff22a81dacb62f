import { liveBytes } from '@culvert/testkit';
import { describe, expect, it } from 'vitest';
import { RelayError } from '../answers/relay-error.js';
import { SocketDialer } from '../upstream/socket-stream.js';
import { StreamPools } from '../upstream/stream-pools.js';
import { Route } from './route.js';
import { Router } from './router.js';

const LIMITS = { maxEntries: 3, unknownTtlMs: 1000, routeTtlMs: 10_000, maxLookups: 2 };

function route(hostname: string): Route {
  return Route.forApp(hostname, new StreamPools().open(new SocketDialer(() => expect.unreachable())));
}

function previewRoute(access: 'team' | 'public'): Route {
  return Route.forPreview(
    {
      id: 'p',
      teamId: 't',
      hostname: 'a',
      interceptId: 'i',
      ingress: 'web:80',
      l5Host: 'web',
      addRequestHeaders: {},
      access,
      expiresAt: Infinity,
      revision: access,
    },
    new StreamPools().open(new SocketDialer(() => expect.unreachable())),
  );
}

function setUp() {
  const state = { now: 0, lookups: [] as string[], known: new Map<string, Route>() };
  const pending: ((found: Route | null) => void)[] = [];
  const router = new Router(
    (hostname) => {
      state.lookups.push(hostname);
      return new Promise((resolve) => pending.push(resolve));
    },
    state,
    LIMITS,
  );
  return {
    router,
    state,
    answer: (found: Route | null) => pending.shift()!(found),
    async learn(hostname: string): Promise<void> {
      const found = router.find(hostname);
      pending.shift()!(route(hostname));
      await found;
    },
  };
}

/** Lets callbacks of settled promises run. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe(Router.name, () => {
  it('looks a hostname up once for many requests, and then answers at once', async () => {
    const { router, state, answer } = setUp();
    const both = [router.find('a'), router.find('a')];
    const found = route('a');
    answer(found);
    expect(await Promise.all(both.map(async (one) => one))).toEqual([found, found]);
    expect(router.find('a')).toBe(found);
    expect(state.lookups).toEqual(['a']);
  });

  it('keeps only the hostname of a request', async () => {
    const names = 1000;
    const router = new Router(() => Promise.resolve(null), { now: 0 }, { ...LIMITS, maxEntries: names });
    const before = await liveBytes();
    for (let i = 0; i < names; i++) {
      const name = `no-such-preview-${i}.preview.example.com`;
      const head = Buffer.from(`Host: ${name}\r\nX: ${'a'.repeat(20_000)}`, 'latin1').toString('latin1');
      await router.find(head.slice(6, 6 + name.length));
    }
    expect((await liveBytes()) - before).toBeLessThan(names * 1000);
    expect(router.find(`no-such-preview-1.preview.example.com`)).toBeNull();
  });

  it('does not keep what was read before a change', async () => {
    const { router, state, answer } = setUp();
    const before = router.find('a');
    router.invalidate('a');
    answer(route('a'));
    await before;
    void router.find('a');
    expect(state.lookups).toEqual(['a', 'a']);
  });

  it('reads an old route again while it stays in use, and reports a change that had no event', async () => {
    const { router, state, answer } = setUp();
    const changed: string[] = [];
    router.onChange((hostname) => changed.push(hostname));
    const before = previewRoute('public');
    const found = router.find('a');
    answer(before);
    await found;
    state.now = LIMITS.routeTtlMs - 1;
    expect([router.find('a'), state.lookups.length]).toEqual([before, 1]);
    state.now++;
    expect([router.find('a'), router.find('a'), state.lookups.length]).toEqual([before, before, 1]);
    router.rereadDue();
    router.rereadDue();
    expect(state.lookups.length).toBe(2);
    answer(previewRoute('public'));
    await settled();
    expect([router.find('a'), changed]).toEqual([before, []]);
    state.now += LIMITS.routeTtlMs;
    router.refresh('a');
    router.rereadDue();
    answer(previewRoute('team'));
    await settled();
    expect(changed).toEqual(['a']);
  });

  it('serves cached routes while the store fails, without asking it more often', async () => {
    let lookups = 0;
    const clock = { now: 0 };
    const known = previewRoute('public');
    const router = new Router(
      () => (lookups++ === 0 ? Promise.resolve(known) : Promise.reject(new Error('no database'))),
      clock,
      LIMITS,
    );
    await router.find('a');
    for (const age of [1, 1, 1, 2]) {
      clock.now = age * LIMITS.routeTtlMs;
      expect(router.find('a')).toBe(known);
      router.rereadDue();
      await settled();
    }
    expect(lookups).toBe(3);
  });

  it('rereads old routes in one turn up to the limit, and the others after these', async () => {
    const { router, state, answer, learn } = setUp();
    for (const hostname of ['a', 'b', 'c']) await learn(hostname);
    state.now = LIMITS.routeTtlMs;
    const rereads = (): string[] => state.lookups.slice(3);
    for (const hostname of ['a', 'b', 'c']) void router.find(hostname);
    expect(rereads()).toEqual([]);
    router.rereadDue();
    expect(rereads()).toEqual(['a', 'b']);
    void router.find('c');
    router.rereadDue();
    expect(rereads()).toEqual(['a', 'b']);
    for (const hostname of rereads()) answer(route(hostname));
    await settled();
    void router.find('c');
    router.rereadDue();
    expect(rereads()).toEqual(['a', 'b', 'c']);
  });

  it('does not read a route again that was forgotten meanwhile', async () => {
    const { router, state, learn } = setUp();
    await learn('a');
    state.now = LIMITS.routeTtlMs;
    void router.find('a');
    router.invalidate('a');
    router.rereadDue();
    expect(state.lookups).toEqual(['a']);
  });

  it('asks again about unknown hostnames after a while', async () => {
    const { router, state, answer } = setUp();
    const found = router.find('a');
    answer(null);
    expect(await found).toBeNull();
    expect(router.find('a')).toBeNull();
    state.now = 1001;
    expect(router.find('a')).toBeInstanceOf(Promise);
  });

  it('keeps a bounded number of hostnames, the used ones first', async () => {
    const { router, learn } = setUp();
    for (const hostname of ['a', 'b', 'c']) await learn(hostname);
    void router.find('a');
    await learn('d');
    expect(router.cached('a')).not.toBeNull();
    expect(router.cached('b')).toBeNull();
    expect(router.cached('d')).not.toBeNull();
  });

  it('refuses lookups beyond its limit of concurrent ones', async () => {
    const { router } = setUp();
    void router.find('a');
    void router.find('b');
    await expect(router.find('c')).rejects.toBeInstanceOf(RelayError);
  });

  it('forgets everything after a gap in the events', async () => {
    const { router, learn } = setUp();
    await learn('a');
    router.clear();
    expect(router.cached('a')).toBeNull();
  });
});
