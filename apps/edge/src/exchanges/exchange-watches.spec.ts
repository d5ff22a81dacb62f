import type { Exchange } from '@culvert/contract';
import { DEFAULT_HEAD_LIMITS, parseRequestHead } from '@culvert/http1';
import { type BegunExchange, type ExchangeObserver, Route, SocketDialer, StreamPools } from '@culvert/relay';
import { createLog } from '@culvert/runtime';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Keeper } from './exchange-watch.js';
import { ExchangeWatches } from './exchange-watches.js';

const KEEP = { count: 1, hours: 1, bodies: false, redactedNames: [], policyVersion: 1 };
const preview = (n: number, keep: typeof KEEP | null = KEEP) => ({
  id: `p${n}`,
  teamId: 't',
  hostname: `h${n}`,
  keep,
});
const watched = (n: number, phase: 'start' | 'stop') =>
  ({
    type: 'preview.watched',
    teamId: 't',
    previewId: `p${n}`,
    watcherId: 'w',
    phase,
    captures: 'heads',
  }) as const;

function begun(): BegunExchange {
  const bytes = Buffer.from('GET / HTTP/1.1\r\nHost: a\r\n\r\n');
  const route = Route.forPreview(
    {
      id: 'p1',
      teamId: 't',
      hostname: 'h1',
      interceptId: 'i',
      ingress: 'localhost:1',
      l5Host: 'localhost',
      addRequestHeaders: {},
      access: 'public',
      expiresAt: Infinity,
    },
    new StreamPools().open(new SocketDialer(() => expect.unreachable())),
  );
  const request = parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS);
  return {
    request,
    route,
    replay: null,
    peer: '192.0.2.1',
    httpVersion: '1.1',
    startedAt: performance.now(),
  };
}

describe(ExchangeWatches.name, () => {
  let observers: Map<string, ExchangeObserver>;
  let kept: Exchange[];
  let sent: string[];
  let watches: ExchangeWatches;

  beforeEach(() => {
    [observers, kept, sent] = [new Map(), [], []];
    const keeperOf = (version: number): Keeper => ({
      bodies: false,
      policyVersion: version,
      add: (exchange) => void kept.push(exchange),
      omit: () => {},
    });
    watches = new ExchangeWatches(
      { observers, trustedProxies: { clientOf: (peer: string) => peer } as never },
      { visitorOf: () => ({ kind: 'anyone', id: null }) },
      { send: (topic) => void sent.push(topic) },
      createLog({ level: 'silent', app: 'edge' }),
      ({ keep }) => (keep === null ? null : keeperOf(keep.policyVersion)),
    );
  });
  const exchange = () => observers.get('p1')?.begin(begun()) ?? null;

  it('observes nothing for previews that neither keep nor are watched', () => {
    watches.keep(preview(1, null));
    expect(observers.size).toBe(0);
  });

  it('keeps exchanges of a preview without sending any of them', () => {
    watches.keep(preview(1));
    exchange()?.end(null, 204);
    expect(kept).toMatchObject([{ state: 'ended', status: 204, target: '/' }]);
    expect(sent).toEqual([]);
  });

  it('keeps those that were under way when the preview was looked up again or no longer keeps any', () => {
    watches.keep(preview(1));
    const trace = exchange();
    watches.stopKeeping('h1');
    expect(observers.size).toBe(0);
    trace?.end(null, 200);
    expect(kept).toHaveLength(1);
    watches.keep(preview(1, { ...KEEP, policyVersion: 2 }));
    watches.keep(preview(1, null));
    expect(observers.size).toBe(0);
  });

  it('continues to keep when the last watcher leaves, and to be watched when keeping ends', () => {
    watches.keep(preview(1));
    watches.handle(watched(1, 'start'));
    watches.handle(watched(1, 'stop'));
    exchange()?.end(null, 200);
    expect(kept).toHaveLength(1);
    watches.handle(watched(1, 'start'));
    watches.stopKeeping('h1');
    exchange()?.end(null, 200);
    expect([kept.length, observers.size]).toEqual([1, 1]);
    watches.handle(watched(1, 'stop'));
    expect(observers.size).toBe(0);
  });

  it('holds a bounded number of previews that keep', () => {
    for (let n = 0; n <= 10_000; n++) watches.keep(preview(n));
    expect(observers.size).toBe(10_000);
    expect(observers.has('p0')).toBe(false);
    watches.close();
    expect(observers.size).toBe(0);
  });
});
