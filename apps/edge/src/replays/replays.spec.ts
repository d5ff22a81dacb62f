import {
  type ClusterEvent,
  InProcessEventBus,
  REPLAY_OFFER_MS,
  type ReplayAnswer,
  replayAnswersTopic,
  type ReplayOffer,
  type ReplayOrder,
  replayOrdersTopic,
} from '@culvert/events';
import { DEFAULT_HEAD_LIMITS, parseResponseHead } from '@culvert/http1';
import { createLog } from '@culvert/runtime';
import {
  BodyCapture,
  DEFAULT_RELAY_LIMITS,
  RelayError,
  type ReplayOptions,
  type Route,
} from '@culvert/relay';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Replays } from './replays.js';

const ASKED: Extract<ClusterEvent, { type: 'replay.asked' }> = {
  type: 'replay.asked',
  teamId: 't1',
  previewId: 'p1',
  trafficManagerId: 'm1',
  replayId: 'r1',
  exchangeId: '',
};
const ORDER: ReplayOrder = {
  replayId: 'r1',
  replayOf: 'e1',
  teamId: 't1',
  previewId: 'p1',
  hostname: 'demo.preview.test',
  host: 'demo.preview.test:8080',
  isSecure: true,
  callerId: 'u1',
  address: '192.0.2.1',
  method: 'POST',
  target: '/a',
  fields: [['x-a', 'b']],
  body: Buffer.from('body').toString('base64'),
};

describe(Replays.name, () => {
  let bus: InProcessEventBus;
  let answers: ReplayAnswer[];
  let replays: Replays;
  let sent: { route: Route; options: ReplayOptions }[];
  let route: { id: string; teamId: string } | null;
  let outcome: Promise<RelayError | object>;
  let isDraining: boolean;
  let tunnels: Set<string>;

  beforeEach(() => {
    bus = new InProcessEventBus((error) => {
      throw error;
    });
    answers = [];
    bus.listen(replayAnswersTopic('r1'), (message) => answers.push(JSON.parse(message) as ReplayAnswer));
    sent = [];
    route = { id: 'p1', teamId: 't1' };
    isDraining = false;
    tunnels = new Set(['m1']);
    const bytes = Buffer.from('HTTP/1.1 201 Made\r\nSet-Cookie: a=secret\r\nContent-Length: 4\r\n\r\n');
    const body = new BodyCapture(100, (wanted) => wanted);
    body.add(Buffer.from('made'), 0, 4);
    outcome = Promise.resolve({
      head: parseResponseHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS, 'POST'),
      body,
      firstByteMs: 1.234567,
      durationMs: 2,
      end: 'complete',
    });
    replays = new Replays({
      relay: {
        limits: DEFAULT_RELAY_LIMITS,
        get isDraining() {
          return isDraining;
        },
        findRoute: () => Promise.resolve(route as Route | null),
        replay: (to, options) => {
          sent.push({ route: to, options });
          return outcome as never;
        },
      },
      tunnels: { preferred: (id) => (tunnels.has(id) ? {} : null) },
      watches: {
        find: (previewId, exchangeId) =>
          previewId === 'p1' && exchangeId === 'e1' ? { line: 'e{"id":"e1"}', bodies: '' } : null,
      },
      bus,
      log: createLog({ level: 'silent', app: 'edge' }),
    });
  });
  afterEach(() => {
    vi.useRealTimers();
    replays.close();
  });

  const offer = async (asked: Partial<typeof ASKED> = {}): Promise<ReplayOffer> => {
    await replays.handle({ ...ASKED, ...asked });
    return answers.pop() as ReplayOffer;
  };
  const order = (offerId: string, changed: Partial<ReplayOrder> = {}) =>
    bus.send(replayOrdersTopic(offerId), JSON.stringify({ ...ORDER, ...changed }));
  const report = async (changed: Partial<ReplayOrder> = {}) => {
    order((await offer()).offerId, changed);
    await vi.waitFor(() => expect(answers).toHaveLength(1));
    return answers.pop();
  };

  it('offers to send a replay, with the exchange if it holds one', async () => {
    expect(await offer({ exchangeId: 'e1' })).toMatchObject({
      state: 'ready',
      exchange: { id: 'e1' },
      bodies: null,
    });
    expect(await offer({ exchangeId: 'e2' })).toMatchObject({ state: 'ready', exchange: null });
  });

  it('offers nothing without a tunnel or while it drains, but still reports the held exchange', async () => {
    tunnels.clear();
    expect(await offer({ exchangeId: 'e1' })).toEqual({
      kind: 'offer',
      state: 'away',
      offerId: '',
      exchange: { id: 'e1' },
      bodies: null,
    });
    tunnels.add('m1');
    isDraining = true;
    expect(await offer()).toMatchObject({ state: 'away' });
  });

  it('sends the request once, and reports the response without the secrets of the head', async () => {
    const { offerId } = await offer();
    order(offerId);
    order(offerId);
    await vi.waitFor(() => expect(answers).toHaveLength(1));
    expect(answers).toEqual([
      {
        kind: 'report',
        isAnswered: true,
        status: 201,
        head: {
          fields: [
            { name: 'Set-Cookie', value: 'a=***', isMasked: true },
            { name: 'Content-Length', value: '4', isMasked: false },
          ],
          isTruncated: false,
        },
        body: {
          base64: 'bWFkZQ==',
          bytes: 4,
          isTruncated: false,
          contentType: null,
          contentEncoding: null,
        },
        firstByteMs: 1.23,
        durationMs: 2,
        end: 'complete',
      },
    ]);
    expect(sent).toMatchObject([
      {
        options: {
          request: { method: 'POST', target: '/a', contentLength: 4 },
          mark: { id: 'r1', replayOf: 'e1', callerId: 'u1' },
          peer: '192.0.2.1',
          isSecure: true,
          maxMs: 30_000,
        },
      },
    ]);
    expect(replays.counts).toEqual({ answered: 1, failed: 0 });
  });

  it('reports failures with the same details that a visitor would see', async () => {
    outcome = Promise.resolve(new RelayError('ingress_refused', 'Ingress web:80: refused.'));
    expect(await report()).toEqual({
      kind: 'report',
      isAnswered: false,
      code: 'ingress_refused',
      status: 502,
      detail: 'Ingress web:80: refused.',
      retryAfterSeconds: 0,
    });
    outcome = Promise.reject(new Error('unheard of'));
    expect(await report()).toMatchObject({ code: 'internal_error', status: 500 });
    expect(replays.counts).toEqual({ answered: 0, failed: 2 });
  });

  it.each<[string, Partial<ReplayOrder>, string]>([
    ['a malformed request', { fields: [['x', 'a\r\nb: c']] }, 'bad_request'],
    ['a path of the edge’s own', { target: '/.culvert/sign-in' }, 'bad_request'],
    ['a preview of another team', { teamId: 't2' }, 'unknown_host'],
    ['another preview than its name says', { previewId: 'p2' }, 'unknown_host'],
  ])('does not send %s', async (_what, changed, code) => {
    expect(await report(changed)).toMatchObject({ isAnswered: false, code });
    expect(sent).toEqual([]);
  });

  it('describes in words what is wrong with a malformed request', async () => {
    expect(await report({ fields: [['x', 'a\rb']] })).toMatchObject({
      detail: 'Your browser or program sent a carriage return without a line feed (BARE_CR).',
    });
  });

  it('does not send to a removed preview', async () => {
    route = null;
    expect(await report()).toMatchObject({ code: 'unknown_host' });
  });

  it('forgets an offer that is not taken', async () => {
    vi.useFakeTimers();
    const { offerId } = await offer();
    vi.advanceTimersByTime(REPLAY_OFFER_MS);
    order(offerId);
    await vi.advanceTimersByTimeAsync(0);
    expect([sent, answers]).toEqual([[], []]);
  });

  it('limits the replays under way', async () => {
    outcome = new Promise(() => {});
    for (let i = 0; i < 50; i++) order((await offer()).offerId);
    expect(await offer()).toMatchObject({ state: 'busy', offerId: '' });
  });

  it('accepts nothing after it was closed', async () => {
    const { offerId } = await offer();
    replays.close();
    order(offerId);
    await Promise.resolve();
    expect(sent).toEqual([]);
  });
});
