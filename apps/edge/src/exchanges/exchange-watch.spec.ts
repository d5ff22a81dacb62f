import { type Exchange, type ExchangeBodies, type ExchangeMessage, RESPONSE_NOTES } from '@culvert/contract';
import { DEFAULT_HEAD_LIMITS, Oddity, parseRequestHead, parseResponseHead } from '@culvert/http1';
import { InflateBudget, WatchMemory } from '@culvert/messages';
import { type BegunExchange, Route, serviceAddress, SocketDialer, StreamPools } from '@culvert/relay';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ExchangeWatch } from './exchange-watch.js';

const SECRET = 'S3CR3Tvalue0123456789';

const ADDRESS = serviceAddress('https://a.preview.test', {
  host: 'localhost',
  port: 3000,
  useTls: false,
  l5Host: 'localhost',
  addressedAs: 'target',
});
const ROUTE = Route.forPreview(
  {
    id: 'p',
    teamId: 't',
    hostname: 'a.preview.test',
    interceptId: 'i',
    ingress: 'localhost:3000',
    l5Host: ADDRESS.host,
    translator: ADDRESS.translator,
    addRequestHeaders: {},
    access: 'public',
    expiresAt: Infinity,
  },
  new StreamPools().open(new SocketDialer(() => expect.unreachable())),
);

describe(ExchangeWatch.name, () => {
  let memory: WatchMemory;
  let lines: string[];
  let bodies: string[];
  let watch: ExchangeWatch;

  const begun = (target = '/', extra = ''): BegunExchange => {
    const bytes = Buffer.from(
      `POST ${target} HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n${extra}\r\n`,
      'latin1',
    );
    return {
      request: parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS),
      route: ROUTE,
      peer: '192.0.2.1',
      replay: null,
      httpVersion: '1.1',
      startedAt: performance.now(),
    };
  };
  const answer = (extra = '') => {
    const bytes = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: 4\r\n${extra}\r\n`, 'latin1');
    return parseResponseHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS, 'POST');
  };
  const run = (target?: string, extra?: string) => {
    const trace = watch.begin(begun(target, extra))!;
    trace.requestBody?.add(Buffer.from([0, 255, 1, 2]), 0, 4);
    trace.connect(true);
    trace.answer(answer(), false);
    trace.responseBody?.add(Buffer.from('body'), 0, 4);
    trace.end(null, null);
    return trace;
  };
  const exchanges = () =>
    lines.filter((line) => line.startsWith('e')).map((line) => JSON.parse(line.slice(1)) as Exchange);
  const past = (withBodies = false) => {
    const told: string[] = [];
    watch.tellPast((text) => told.push(...text.split('\n')), { withBodies });
    return told;
  };

  beforeEach(() => {
    memory = new WatchMemory(1024 * 1024);
    lines = [];
    bodies = [];
    watch = new ExchangeWatch({
      visitorOf: ({ peer }) => ({ address: peer, kind: 'anyone', id: null }),
      memory,
      inflateBudget: new InflateBudget(1024 * 1024),
      onFault: (error) => expect.unreachable(String(error)),
      sendExchanges: (text) => lines.push(...text.split('\n')),
      sendBodies: (text) => bodies.push(...text.split('\n')),
    });
  });

  it('reports an exchange when it begins, and again when it has ended', () => {
    const trace = watch.begin(begun('/slow'))!;
    watch.flush();
    expect(exchanges()).toMatchObject([{ state: 'open', target: '/slow', status: null, response: null }]);
    trace.connect(true);
    trace.answer(answer(), false);
    trace.end(null, null);
    watch.flush();
    const [first, last] = exchanges();
    expect(last).toMatchObject({ id: first.id, state: 'ended', status: 200, method: 'POST' });
    watch.flush();
    expect(lines).toHaveLength(2);
  });

  it('describes in words the faults of a delivered response', () => {
    const trace = watch.begin(begun())!;
    trace.oddities = Oddity.BODY_NOT_ALLOWED | Oddity.UNEXPECTED_BYTES;
    trace.answer(answer(), false);
    trace.end(null, null);
    run();
    watch.flush();
    expect(exchanges().map(({ notes }) => notes)).toEqual([
      [
        { code: 'BODY_NOT_ALLOWED', text: RESPONSE_NOTES.BODY_NOT_ALLOWED },
        { code: 'UNEXPECTED_BYTES', text: RESPONSE_NOTES.UNEXPECTED_BYTES },
      ],
      [],
    ]);
  });

  it('shows with which value a field was passed on, and which fields were left out, without secrets', () => {
    const request = `Origin: https://a.preview.test\r\nReferer: https://a.preview.test/in?token=${SECRET}\r\n`;
    const trace = watch.begin(begun('/', request))!;
    trace.answer(
      answer(
        'Location: http://localhost:3000/next\r\nSet-Cookie: kept=1; Path=/\r\n' +
          `Set-Cookie: sid=${SECRET}; Domain=localhost; Path=/\r\nSet-Cookie: other=${SECRET}; Domain=example.com\r\n`,
      ),
      false,
    );
    trace.end(null, null);
    watch.flush();
    const [{ changes }] = exchanges();
    expect(changes.map(({ message, name, value }) => `${message} ${name}: ${value ?? '(left out)'}`)).toEqual(
      [
        'request Host: localhost:3000',
        'request Origin: http://localhost:3000',
        'request Referer: http://localhost:3000/in?token=***',
        'response Location: https://a.preview.test/next',
        'response Set-Cookie: sid=***; Path=/',
        'response Set-Cookie: (left out)',
      ],
    );
    expect(lines.join()).not.toContain(SECRET);
  });

  it('reports an exchange that ends within one batch once', () => {
    run();
    watch.flush();
    expect(exchanges()).toHaveLength(1);
  });

  it('never reports a secret in a head, and reports bodies separately', () => {
    watch.capturesBodies = true;
    run(`/?token=${SECRET}`, `Authorization: Bearer ${SECRET}\r\nCookie: a=${SECRET}\r\n`);
    watch.flush();
    expect([...lines, ...bodies, ...past(true)].join()).not.toContain(SECRET);
    const [body] = bodies.map((line) => JSON.parse(line.slice(1)) as ExchangeBodies);
    expect(body).toEqual({
      id: exchanges()[0].id,
      request: { base64: 'AP8BAg==', bytes: 4, isTruncated: false, contentType: null, contentEncoding: null },
      response: {
        base64: 'Ym9keQ==',
        bytes: 4,
        isTruncated: false,
        contentType: null,
        contentEncoding: null,
      },
    });
  });

  it('captures no bodies by default', () => {
    run();
    watch.flush();
    expect(bodies).toEqual([]);
    expect(past(true).some((line) => line.startsWith('b'))).toBe(false);
  });

  it('keeps the last exchanges for later watchers, with bodies for those who asked for them', () => {
    watch.capturesBodies = true;
    for (let i = 0; i < 250; i++) run(`/${i}`);
    const open = watch.begin(begun('/open'))!;
    const told = past().map((line) => JSON.parse(line.slice(1)) as Exchange);
    expect(told).toHaveLength(201);
    expect([told[0].target, told.at(-1)?.target]).toEqual(['/50', '/open']);
    expect(past(true).filter((line) => line.startsWith('b'))).toHaveLength(200);
    open.end('cancelled', null);
  });

  describe('messages', () => {
    const upgraded = () => {
      const request = begun('/live', 'Connection: Upgrade\r\nUpgrade: websocket\r\n');
      const trace = watch.begin(request)!;
      const head = Buffer.from(
        'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
      );
      trace.answer(parseResponseHead(head, 0, head.length, DEFAULT_HEAD_LIMITS, 'GET'), false);
      return trace;
    };
    const frame = (text: string) => Buffer.concat([Buffer.from([0x81, text.length]), Buffer.from(text)]);
    const textsOf = (some: readonly string[]) =>
      some
        .filter((line) => line.startsWith('m'))
        .map((line) => (JSON.parse(line.slice(1)) as ExchangeMessage).text);

    it('are counted for everyone, and shown only to those who capture bodies', () => {
      const trace = upgraded();
      trace.showUpgraded('response', frame('before'));
      watch.capturesBodies = true;
      trace.showUpgraded('response', frame('while'));
      watch.flush();
      expect(textsOf(bodies)).toEqual(['while']);
      expect(textsOf(lines)).toEqual([]);
      expect(textsOf(past(true))).toEqual(['while']);
      expect(textsOf(past(false))).toEqual([]);
      trace.end(null, null);
      watch.flush();
      expect(exchanges().at(-1)?.messages).toEqual({
        protocol: 'websocket',
        request: { count: 0, bytes: 0 },
        response: { count: 2, bytes: 11 },
        note: null,
      });
      const [last] = bodies.filter((line) => line.startsWith('b'));
      expect(JSON.parse(last.slice(1))).toMatchObject({
        request: null,
        response: null,
        messages: [{ text: 'while' }],
      });
      watch.close();
      expect(memory.heldBytes).toBe(0);
    });

    it('beyond the rate are left out and counted', () => {
      watch.capturesBodies = true;
      const trace = upgraded();
      for (let i = 0; i < 1000; i++) trace.showUpgraded('response', frame('x'));
      watch.flush();
      const omitted = bodies.find((line) => line.startsWith('n'));
      expect(textsOf(bodies).length + Number(omitted?.slice(1))).toBe(1000);
      // The clock may have entered another second.
      expect(textsOf(bodies).length).toBeLessThanOrEqual(600);
      trace.end(null, null);
    });

    it('of an event stream take no memory when the last watcher has left', () => {
      watch.capturesBodies = true;
      const trace = watch.begin(begun())!;
      trace.answer(answer('Content-Type: text/event-stream\r\n'), false);
      trace.responseBody?.add(Buffer.from('data: 1\n\ndata'), 0, 13);
      expect(memory.heldBytes).toBeGreaterThan(0);
      watch.close();
      trace.responseBody?.add(Buffer.from(': 2\n\ndata: 3'), 0, 12);
      trace.end(null, null);
      expect(memory.heldBytes).toBe(0);
    });

    it('are no longer read when the watch is over', () => {
      const trace = upgraded();
      watch.close();
      trace.showUpgraded('response', frame('x'));
      watch.flush();
      expect([bodies, memory.heldBytes]).toEqual([[], 0]);
    });
  });

  // Recording a whole second's share at once delayed all other exchanges for tens of milliseconds, once a second.
  it('records a burst evenly over time', () => {
    vi.useFakeTimers({ toFake: ['performance'] });
    try {
      watch = new ExchangeWatch({
        visitorOf: ({ peer }) => ({ address: peer, kind: 'anyone', id: null }),
        memory,
        inflateBudget: new InflateBudget(1024),
        onFault: () => {},
        sendExchanges: () => {},
        sendBodies: () => {},
      });
      const takenOf = (count: number) =>
        Array.from({ length: count }, () => watch.begin(begun())).filter((trace) => trace !== null).length;
      expect(takenOf(1000)).toBe(300);
      expect(takenOf(1000)).toBe(0);
      for (let i = 0; i < 5; i++) {
        vi.advanceTimersByTime(100);
        expect(takenOf(1000)).toBe(30);
      }
      vi.advanceTimersByTime(60_000);
      expect(takenOf(1000)).toBe(300);
    } finally {
      vi.useRealTimers();
    }
  });

  it('counts exchanges beyond the limit of a second instead of reporting them', () => {
    let left = 0;
    for (let i = 0; i < 1000; i++) {
      const trace = watch.begin(begun());
      if (trace === null) left++;
      else trace.end(null, null);
    }
    watch.flush();
    expect(left).toBeGreaterThan(0);
    const omitted = lines.filter((line) => line.startsWith('o')).map((line) => Number(line.slice(1)));
    expect(omitted.reduce((sum, count) => sum + count, 0)).toBe(left);
    expect(exchanges()).toHaveLength(1000 - left);
  });

  it('holds no more than its memory allows, and returns the memory', () => {
    watch.capturesBodies = true;
    const trace = watch.begin(begun())!;
    trace.responseBody?.add(Buffer.alloc(100_000, 120), 0, 100_000);
    expect(memory.heldBytes).toBe(65_536);
    for (let i = 0; i < 250; i++) run(`/${i}`, `X-Long: ${'x'.repeat(4000)}\r\n`);
    expect(memory.heldBytes).toBeLessThanOrEqual(1024 * 1024);
    watch.close();
    expect(memory.heldBytes).toBe(0);
    trace.responseBody?.add(Buffer.alloc(10), 0, 10);
    trace.end(null, null);
    expect(memory.heldBytes).toBe(0);
  });

  it('marks a replay, and finds held exchanges', () => {
    const replay = { id: 'r1', replayOf: 'e1', callerId: 'u1' };
    const trace = watch.begin({ ...begun('/again'), replay })!;
    expect(watch.find('r1')?.line).toContain('"state":"open"');
    trace.end(null, null);
    watch.flush();
    expect(exchanges()).toMatchObject([{ id: 'r1', replayOf: 'e1', target: '/again' }]);
    expect(JSON.parse(watch.find('r1')!.line.slice(1))).toMatchObject({ id: 'r1', state: 'ended' });
    expect(watch.find('r2')).toBeNull();
    run();
    watch.flush();
    expect(exchanges().at(-1)).toMatchObject({ replayOf: null });
  });
});
