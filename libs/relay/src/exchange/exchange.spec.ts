/** Walks an exchange along each edge of the table in docs/relay.md, with a dialer and a visitor that the test controls. */
import { HeadReader, parseRequestHead, type RequestHead } from '@culvert/http1';
import { ResetCode, type Stream, type StreamHandler } from '@culvert/tunnel';
import { beforeEach, describe, expect, it } from 'vitest';
import { OwnAnswer } from '../answers/own-answer.js';
import type { RelayError } from '../answers/relay-error.js';
import { DEFAULT_RELAY_LIMITS } from '../limits.js';
import { ALLOW, refuse, respond, type Verdict } from '../routing/access-gate.js';
import type { BodyFilter, BodySink } from '../routing/body-filter.js';
import { Route } from '../routing/route.js';
import { RelayMeasures } from '../measures.js';
import { RouteUse } from '../routing/route-use.js';
import type { Dialed, Dialer } from '../upstream/stream-pool.js';
import { StreamPools } from '../upstream/stream-pools.js';
import { Exchange } from './exchange.js';
import { ExchangeState as State, mayFollow } from './exchange-state.js';
import type { ExchangeHost, RelayCounters } from './host.js';
import type { Requester } from './requester.js';

/** A stream whose far end is the test. */
class FakeStream implements Stream {
  isOpen = true;
  constructor(
    readonly id: number,
    public handler: StreamHandler,
  ) {}
  written = '';
  write = (chunk: Buffer): boolean => {
    this.written += chunk.toString('latin1');
    return true;
  };
  end(): void {}
  pause(): void {}
  resume(): void {}
  reset(): void {
    this.isOpen = false;
  }
  send(text: string): void {
    this.handler.onData(Buffer.from(text, 'latin1'));
  }
  lose(): void {
    this.fail(ResetCode.TUNNEL_LOST);
  }
  fail(code: ResetCode): void {
    this.isOpen = false;
    this.handler.onReset(code, 'the tunnel is gone');
  }
}

/** Opens streams, or refuses to, as the test decides. */
class FakeDialer implements Dialer {
  next: 'stream' | 'absent' | 'full' = 'stream';
  /** Whether its streams lead through another edge. */
  isRemote = false;
  readonly streams: FakeStream[] = [];
  private arrival: (() => void) | null = null;

  dial(handler: StreamHandler): Dialed | 'absent' | 'full' {
    if (this.next !== 'stream') return this.next;
    const stream = new FakeStream(this.streams.length, handler);
    this.streams.push(stream);
    return { stream, origin: this, mayBeRefused: this.isRemote };
  }

  isPreferred(): boolean {
    return true;
  }

  onArrival(callback: () => void): () => void {
    this.arrival = callback;
    return () => (this.arrival = null);
  }

  /** Whether an exchange waits for a tunnel. */
  get isAwaited(): boolean {
    return this.arrival !== null;
  }

  arrive(): void {
    const { arrival } = this;
    this.arrival = null;
    arrival!();
  }
}

/** Records how its exchange ends. */
class FakeRequester implements Requester {
  readonly peer = '127.0.0.1';
  readonly isHttp2 = false;
  readonly responseReader = new HeadReader(DEFAULT_RELAY_LIMITS.head, 'response');
  end: 'complete' | 'aborted' | 'ended early' | RelayError | OwnAnswer | null = null;
  requestIdOf = (): string => 'id';
  outgoingHead = (): Buffer => Buffer.from('GET / HTTP/1.1\r\n\r\n');
  chunkedOutput = (): 'decoded' => 'decoded';
  sendInterim(): void {}
  sendHead(): void {}
  sendBody = (): boolean => true;
  flush(): void {}
  switchProtocols(): void {}
  sendRaw = (): boolean => true;
  endRaw(): void {}
  finishRaw(): void {}
  complete(): void {
    this.end = 'complete';
  }
  sendError(error: RelayError): void {
    this.end = error;
  }
  sendAnswer(answer: OwnAnswer): void {
    this.end = answer;
  }
  withdraw = (): boolean => false;
  abort(): void {
    this.end = 'aborted';
  }
  endEarly(): void {
    this.end = 'ended early';
  }
  pauseBody(): void {}
  resumeBody(): void {}
}

/** Keeps each body until the test lets it end. */
class HoldingFilter implements BodyFilter {
  sink: BodySink | null = null;
  destroyed = 0;
  concerns = (): boolean => true;
  replaces = (): boolean => false;
  requestLines = (): string => '';
  open: BodyFilter['open'] = (_request, head, _limits, sink) => {
    this.sink = sink;
    return {
      head,
      isDeferred: true,
      push: () => true,
      end() {},
      resume() {},
      destroy: () => this.destroyed++,
    };
  };
}

const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';
const WEBSOCKET =
  'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n';
const WAIT_MS = 1000;

function requestOf(lines = '', method = 'GET'): RequestHead {
  const bytes = Buffer.from(`${method} / HTTP/1.1\r\nHost: a.preview.test\r\n${lines}\r\n`);
  return parseRequestHead(bytes, 0, bytes.length, DEFAULT_RELAY_LIMITS.head);
}

describe(Exchange.name, () => {
  let dialer: FakeDialer;
  let requester: FakeRequester;
  let filter: HoldingFilter;
  let route: Route;
  let clock: { now: number };
  let verdict: Verdict | Promise<Verdict>;
  let exchange: Exchange;
  let failures: string[];
  /** Makes a further exchange of the same route. */
  let another: (next: { readonly method: string }) => Exchange;
  /** The states that exchanges of all tests were seen in, one after the other. */
  const walked = new Set<string>();

  beforeEach(() => {
    dialer = new FakeDialer();
    requester = new FakeRequester();
    filter = new HoldingFilter();
    clock = { now: 0 };
    verdict = ALLOW;
    failures = [];
  });

  function begin({ lines = '', method = 'GET', bodyFilter = null as BodyFilter | null } = {}): void {
    route = Route.forPreview(
      {
        id: 'p',
        teamId: 't',
        hostname: 'a.preview.test',
        interceptId: 'i',
        ingress: 'web:80',
        l5Host: 'web',
        addRequestHeaders: {},
        access: 'public',
        bodyFilter,
        expiresAt: Infinity,
      },
      new StreamPools().open(dialer),
    );
    const use = new RouteUse(0);
    const counters: RelayCounters = { connections: 0, exchanges: 0, bytesIn: 0, bytesOut: 0, failures: {} };
    const host: ExchangeHost = {
      clock,
      limits: { ...DEFAULT_RELAY_LIMITS, managerWaitMs: WAIT_MS },
      routes: { find: () => route },
      gate: { check: () => verdict },
      observers: new Map(),
      counters,
      isDraining: false,
      handleRouted: () => {},
      addEnding: () => {},
      forgetEnding: () => {},
      noteUse: (used) => use.note(used, clock.now),
      measures: new RelayMeasures(),
      hasRequestIds: false,
      recordFailure: (error) => void failures.push(error.code),
      recordRefusal: () => expect.unreachable(),
      reportFault: (error) => {
        throw error;
      },
    };
    another = (next) => new Exchange(host, requester, requestOf('', next.method), 'a.preview.test');
    exchange = new Exchange(host, requester, requestOf(lines, method), 'a.preview.test');
  }

  /** Does something that takes the exchange to `to` in one step. */
  function expectStep(to: State, act: () => void): void {
    const from = exchange.state;
    act();
    expect(exchange.state).toBe(to);
    walked.add(`${from} ${to}`);
    expect(route.active).toBe(to === State.DONE ? 0 : 1);
    expect(route.waiting).toBe(to === State.WAITING_FOR_MANAGER || to === State.WAITING_FOR_ROOM ? 1 : 0);
  }

  const finding = (next: FakeDialer['next'], act: () => void) => (): void => {
    dialer.next = next;
    act();
  };
  const start = (): void => exchange.start();
  const sweep = (): void => exchange.sweep(clock.now);
  const arrive = (): void => dialer.arrive();
  const lose = (): void => dialer.streams.at(-1)!.lose();
  const code = (): unknown => (requester.end as RelayError).code;

  it('goes from routing to a stream, and ends with the response', () => {
    begin();
    expectStep(State.ACTIVE, start);
    expectStep(State.DONE, () => dialer.streams[0].send(OK));
    expect(requester.end).toBe('complete');
  });

  it('is done without a stream when the gate refuses it', () => {
    begin();
    verdict = refuse('access_denied');
    expectStep(State.DONE, start);
    expect(code()).toBe('access_denied');
    expect(failures).toEqual(['access_denied']);
  });

  // This answer used to be an error, which every place that counts errors had to exclude.
  it('ends without a stream and without an error when the gate answers the request', () => {
    begin();
    verdict = respond(302, 'Location: /sign-in\r\n');
    expectStep(State.DONE, start);
    expect(requester.end).toEqual(new OwnAnswer(302, 'Location: /sign-in\r\n'));
    expect(failures).toEqual([]);
  });

  it('waits for a manager until one arrives', () => {
    begin();
    expectStep(State.WAITING_FOR_MANAGER, finding('absent', start));
    sweep();
    expect(exchange.state).toBe(State.WAITING_FOR_MANAGER);
    expectStep(State.ACTIVE, finding('stream', arrive));
    expect(dialer.isAwaited).toBe(false);
  });

  it('waits for room until a sweep finds some', () => {
    begin();
    expectStep(State.WAITING_FOR_ROOM, finding('full', start));
    expectStep(State.WAITING_FOR_ROOM, sweep);
    expectStep(State.ACTIVE, finding('stream', sweep));
  });

  // A wait that began anew at each of these would never end.
  it('goes from one wait to the other without restarting the wait timeout', () => {
    begin();
    expectStep(State.WAITING_FOR_MANAGER, finding('absent', start));
    clock.now = WAIT_MS - 1;
    expectStep(State.WAITING_FOR_MANAGER, arrive);
    expectStep(State.WAITING_FOR_ROOM, finding('full', arrive));
    expectStep(State.WAITING_FOR_MANAGER, finding('absent', sweep));
    clock.now = WAIT_MS + 1;
    expectStep(State.DONE, sweep);
    expect(code()).toBe('manager_unavailable');
    expect(dialer.isAwaited).toBe(false);
  });

  it('gives up waiting for room after the wait timeout', () => {
    begin();
    expectStep(State.WAITING_FOR_ROOM, finding('full', start));
    clock.now = WAIT_MS + 1;
    expectStep(State.DONE, sweep);
    expect(code()).toBe('stream_limit');
  });

  it.each([
    ['another stream', 'stream', State.ACTIVE],
    ['a wait for a manager', 'absent', State.WAITING_FOR_MANAGER],
    ['a wait for room', 'full', State.WAITING_FOR_ROOM],
  ] as const)('goes to %s when its stream is lost before any byte of a response', (_what, next, to) => {
    begin();
    expectStep(State.ACTIVE, start);
    expectStep(to, finding(next, lose));
  });

  it('is done when its stream is lost a second time', () => {
    begin();
    expectStep(State.ACTIVE, start);
    expectStep(State.ACTIVE, lose);
    expectStep(State.DONE, lose);
    expect(code()).toBe('tunnel_lost');
  });

  const refuseStream = (why: ResetCode) => (): void => dialer.streams.at(-1)!.fail(why);
  const POST = { method: 'POST', lines: 'Content-Length: 4\r\n' };

  it('goes to another stream, whatever its method, when an edge has no tunnel and passed nothing on', () => {
    begin(POST);
    expectStep(State.ACTIVE, start);
    expectStep(State.ACTIVE, refuseStream(ResetCode.NO_TUNNEL));
    expect([dialer.streams.length, exchange.wantsBody]).toEqual([2, true]);
    exchange.pushBody(Buffer.from('body'), 0);
    expectStep(State.DONE, () => dialer.streams[1].send(OK));
  });

  it('waits for a manager when no other edge has a tunnel', () => {
    begin(POST);
    expectStep(State.ACTIVE, start);
    expectStep(State.WAITING_FOR_MANAGER, finding('absent', refuseStream(ResetCode.NO_TUNNEL)));
    expect(exchange.wantsBody).toBe(false);
    expectStep(State.ACTIVE, finding('stream', arrive));
    expect(exchange.wantsBody).toBe(true);
  });

  it('waits for room when the far end has none', () => {
    begin(POST);
    expectStep(State.ACTIVE, start);
    expectStep(State.WAITING_FOR_ROOM, refuseStream(ResetCode.STREAM_LIMIT));
    expectStep(State.ACTIVE, sweep);
  });

  it.each([
    ['with a length', POST, 'bo', 'dy', 'body'],
    [
      'in chunks',
      { method: 'POST', lines: 'Transfer-Encoding: chunked\r\n' },
      '2\r\nbo\r\n2\r\nd',
      'y\r\n0\r\n\r\n',
      '2\r\nbo\r\n2\r\ndy\r\n0\r\n\r\n',
    ],
  ])(
    'takes a body %s along to another stream until another edge has opened the first',
    (_what, options, first, rest, whole) => {
      begin(options);
      dialer.isRemote = true;
      expectStep(State.ACTIVE, start);
      exchange.pushBody(Buffer.from(first), 0);
      for (let i = 1; i <= 2; i++) {
        expectStep(State.ACTIVE, refuseStream(ResetCode.NO_TUNNEL));
        expect(dialer.streams[i].written).toBe(dialer.streams[0].written);
      }
      dialer.streams[2].handler.onOpen();
      exchange.pushBody(Buffer.from(rest), 0);
      expect(exchange.isRequestDone).toBe(true);
      expect(dialer.streams[2].written.endsWith(`\r\n\r\n${whole}`)).toBe(true);
      expectStep(State.DONE, refuseStream(ResetCode.NO_TUNNEL));
      expect(code()).toBe('tunnel_lost');
    },
  );

  it('takes no more of a long body than 64 KiB and a read until another edge has opened the stream', () => {
    begin({ method: 'POST', lines: 'Content-Length: 100000\r\n' });
    dialer.isRemote = true;
    expectStep(State.ACTIVE, start);
    let sent = 0;
    const push = (): void => {
      while (exchange.wantsBody) sent += exchange.pushBody(Buffer.alloc(16_384), 0);
    };
    push();
    expect(sent).toBe(65_536);
    dialer.streams[0].handler.onDrain();
    expect(exchange.wantsBody).toBe(false);
    expectStep(State.ACTIVE, refuseStream(ResetCode.NO_TUNNEL));
    expect([dialer.streams[1].written, exchange.wantsBody]).toEqual([dialer.streams[0].written, false]);
    dialer.streams[1].handler.onOpen();
    push();
    expect(exchange.isRequestDone).toBe(true);
  });

  it('fails when its stream on a tunnel of this edge is refused after a part of its body, which is not kept', () => {
    begin(POST);
    expectStep(State.ACTIVE, start);
    exchange.pushBody(Buffer.from('bo'), 0);
    expectStep(State.DONE, refuseStream(ResetCode.NO_TUNNEL));
    expect(code()).toBe('manager_unavailable');
  });

  // A stream that was open counted as refused, so a payment without a body was delivered 9 times.
  it.each(['NO_TUNNEL', 'STREAM_LIMIT'] as const)(
    'sends a request that must not be repeated once when its open stream ends with %s',
    (name) => {
      begin({ method: 'POST' });
      expectStep(State.ACTIVE, start);
      dialer.streams[0].handler.onOpen();
      expectStep(State.DONE, refuseStream(ResetCode[name]));
      expect([dialer.streams.length, code()]).toEqual([1, 'tunnel_lost']);
    },
  );

  it.each(['NO_TUNNEL', 'STREAM_LIMIT'] as const)(
    'sends a repeatable request at most twice when its open streams end with %s',
    (name) => {
      begin();
      expectStep(State.ACTIVE, start);
      dialer.streams[0].handler.onOpen();
      expectStep(State.ACTIVE, refuseStream(ResetCode[name]));
      dialer.streams[1].handler.onOpen();
      expectStep(State.DONE, refuseStream(ResetCode[name]));
      expect([dialer.streams.length, code()]).toEqual([2, 'tunnel_lost']);
    },
  );

  it('sends a request that must not be repeated once when its stream was idle before and ends with STREAM_LIMIT', () => {
    begin();
    expectStep(State.ACTIVE, start);
    expectStep(State.DONE, () => dialer.streams[0].send(OK));
    const second = another({ method: 'POST' });
    second.start();
    refuseStream(ResetCode.STREAM_LIMIT)();
    expect([second.state, dialer.streams.length, code()]).toEqual([State.DONE, 1, 'tunnel_lost']);
  });

  it('fails at once when another edge reports that the ingress cannot be reached', () => {
    begin();
    expectStep(State.ACTIVE, start);
    expectStep(State.DONE, refuseStream(ResetCode.INGRESS_UNREACHABLE));
    expect([dialer.streams.length, code()]).toEqual([1, 'ingress_unreachable']);
  });

  it('fails when streams end with NO_TUNNEL again and again', () => {
    begin();
    expectStep(State.ACTIVE, start);
    for (let i = 0; exchange.state !== State.DONE && i < 100; i++) refuseStream(ResetCode.NO_TUNNEL)();
    expect(code()).toBe('manager_unavailable');
    expect(dialer.streams.length).toBeLessThan(12);
  });

  // Eight refusals ended the wait, which was after two seconds.
  it('waits for room at a full holder for the whole wait timeout, however often its streams are refused', () => {
    begin();
    expectStep(State.ACTIVE, start);
    for (let i = 0; i < 20; i++) {
      expectStep(State.WAITING_FOR_ROOM, refuseStream(ResetCode.STREAM_LIMIT));
      clock.now += WAIT_MS / 20;
      expectStep(State.ACTIVE, sweep);
    }
    expectStep(State.WAITING_FOR_ROOM, refuseStream(ResetCode.STREAM_LIMIT));
    clock.now += 1;
    expectStep(State.DONE, sweep);
    expect(code()).toBe('stream_limit');
  });

  it('waits for the whole wait timeout after a response was lost, although it waited before', () => {
    begin();
    expectStep(State.WAITING_FOR_ROOM, finding('full', start));
    expectStep(State.ACTIVE, finding('stream', sweep));
    clock.now = 10 * WAIT_MS;
    expectStep(State.WAITING_FOR_MANAGER, finding('absent', lose));
    sweep();
    expect(exchange.state).toBe(State.WAITING_FOR_MANAGER);
    clock.now += WAIT_MS + 1;
    expectStep(State.DONE, sweep);
  });

  it('passes raw bytes after a 101, and is done when both sides have ended', () => {
    begin({ lines: WEBSOCKET });
    expectStep(State.ACTIVE, start);
    expectStep(State.UPGRADED, () => dialer.streams[0].send(SWITCH));
    exchange.endRaw();
    expectStep(State.DONE, () => dialer.streams[0].handler.onEnd());
  });

  it('finishes a filtered body even if its stream is lost meanwhile', () => {
    begin({ bodyFilter: filter });
    expectStep(State.ACTIVE, start);
    expectStep(State.FINISHING, () => dialer.streams[0].send(OK));
    lose();
    expect(exchange.state).toBe(State.FINISHING);
    expectStep(State.DONE, () => filter.sink!.handleFilterEnd());
    expect([requester.end, filter.destroyed]).toEqual(['complete', 1]);
  });

  it.each([
    ['routing', (): void => {}],
    ['waiting', finding('absent', () => start())],
    ['active', finding('stream', () => start())],
  ])('is done once when its visitor leaves while %s', (_what, reach) => {
    begin();
    verdict = _what === 'routing' ? new Promise(() => {}) : ALLOW;
    if (_what === 'routing') start();
    else reach();
    exchange.cancel();
    exchange.cancel();
    expect([exchange.state, route.active, route.waiting, requester.end]).toEqual([State.DONE, 0, 0, null]);
  });

  it('takes every transition of its states in these tests', () => {
    const states = Object.values(State);
    const edges = states.flatMap((from) =>
      states.filter((to) => mayFollow(from, to)).map((to) => `${from} ${to}`),
    );
    expect(edges.filter((edge) => !walked.has(edge))).toEqual([]);
  });
});
