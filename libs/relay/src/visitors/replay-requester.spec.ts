import type http from 'node:http';
import { SECRET_PREFIXES } from '@culvert/domain';
import { DEFAULT_HEAD_LIMITS, HttpSyntaxError } from '@culvert/http1';
import { afterEach, describe, expect, it } from 'vitest';
import { refuse } from '../routing/access-gate.js';
import { serviceAddress } from '../routing/addresses.js';
import { RelayError } from '../answers/relay-error.js';
import { type BegunExchange, ExchangeTrace } from '../exchange/exchange-trace.js';
import { type Rig, startRig } from '../spec/relay-rig.js';
import { replayHead, type ReplayRequest } from './replay-request.js';
import type { ReplayAnswer } from './replay-requester.js';

const MIB = 1024 * 1024;
const REQUEST: ReplayRequest = {
  host: 'demo.preview.test:8080',
  method: 'GET',
  target: '/a?b=c',
  fields: [],
  body: Buffer.alloc(0),
};

describe('the head of a replay', () => {
  const head = (request: Partial<ReplayRequest>) =>
    replayHead({ ...REQUEST, ...request }, DEFAULT_HEAD_LIMITS);

  it('is what a visitor would have sent, framed by its body', () => {
    const made = head({
      method: 'POST',
      body: Buffer.from('body'),
      fields: [
        ['X-Name', 'a'],
        ['Content-Length', '999'],
        ['transfer-encoding', 'chunked'],
        ['Host', 'elsewhere.test'],
        ['Upgrade', 'websocket'],
      ],
    });
    expect(made).toMatchObject({
      method: 'POST',
      target: '/a?b=c',
      host: 'demo.preview.test:8080',
      contentLength: 4,
      upgrade: '',
    });
    expect(made.text).not.toMatch(/999|elsewhere|chunked|upgrade/i);
    expect(head({ method: 'PUT' }).text).toContain('content-length: 0\r\n');
    expect(head({}).text).not.toContain('content-length');
  });

  it.each<[string, Partial<ReplayRequest>]>([
    ['a line break in a value', { fields: [['x', 'a\r\ny: b']] }],
    ['a line break in a name', { fields: [['x: a\r\ny', 'b']] }],
    ['a line break in the target', { target: '/ HTTP/1.1\r\nx: y' }],
    ['another request in the method', { method: 'GET / HTTP/1.1\r\nHost: b\r\n\r\nGET' }],
    ['a target of another host', { target: 'http://elsewhere.test/' }],
    ['a method that opens a tunnel', { method: 'CONNECT' }],
    ['a field without a name', { fields: [['', 'b']] }],
    ['an unknown expectation', { fields: [['expect', 'wonders']] }],
    ['too long a head', { fields: [['x', 'a'.repeat(70_000)]] }],
    ['too many fields', { fields: Array.from({ length: 300 }, () => ['x', 'y'] as const) }],
  ])('is refused for %s', (_what, request) => {
    expect(() => head(request)).toThrow(HttpSyntaxError);
  });
});

describe('a replay', () => {
  let rig: Rig;
  const seen: { request: http.IncomingMessage; body: Buffer }[] = [];
  afterEach(async () => {
    seen.length = 0;
    await rig.stop();
  });

  const answering = (status = 200, body = 'hello'): http.RequestListener => {
    return (request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        seen.push({ request, body: Buffer.concat(chunks) });
        response.writeHead(status, { 'x-answer': 'yes' }).end(body);
      });
    };
  };
  const replay = (request: Partial<ReplayRequest> = {}, { maxMs = 30_000, maxKeptBytes = 1000 } = {}) => {
    const whole = { ...REQUEST, ...request };
    return rig.relay.replay(rig.route, {
      request: replayHead(whole, rig.relay.limits.head),
      body: whole.body,
      mark: { id: 'r1', replayOf: 'e1', callerId: 'u1' },
      peer: '203.0.113.9',
      isSecure: true,
      maxMs,
      maxKeptBytes,
    });
  };
  const answer = async (...args: Parameters<typeof replay>): Promise<ReplayAnswer> => {
    const outcome = await replay(...args);
    if (outcome instanceof RelayError) throw outcome;
    return outcome;
  };

  it('names the target, and only the address of the caller, where the service is addressed as the target', async () => {
    rig = await startRig(answering(), {
      addressOf: (port) =>
        serviceAddress('https://demo.preview.test:8080', {
          host: 'localhost',
          port,
          useTls: false,
          l5Host: 'localhost',
          addressedAs: 'target',
        }),
    });
    await answer({ fields: [['origin', 'https://demo.preview.test:8080']] });
    const { headers } = seen[0].request;
    expect(headers.host).toMatch(/^localhost:\d+$/);
    expect(headers.origin).toBe(`http://${headers.host}`);
    expect(Object.entries(headers).filter(([name]) => name.includes('forwarded'))).toEqual([
      ['x-forwarded-for', '203.0.113.9'],
    ]);
  });

  it('is rewritten, counted and traced like a visitor’s request', async () => {
    rig = await startRig(answering(201));
    const traced: BegunExchange[] = [];
    const ended: ExchangeTrace[] = [];
    const observer = {
      begin: (begun: BegunExchange) => {
        traced.push(begun);
        return new ExchangeTrace(begun, observer, null, null);
      },
      answered: () => {},
      trailed: () => {},
      readerFailed: (error: unknown) => expect.unreachable(String(error)),
      end: (trace: ExchangeTrace) => void ended.push(trace),
    };
    rig.relay.observers.set('p1', observer);
    const fields = [
      ['x-dev', 'mine'],
      ['x-own', 'kept'],
      ['x-telepresence-intercept-id', 'another'],
      ['x-forwarded-for', '198.51.100.1'],
      ['connection', 'x-hop'],
      ['x-hop', 'dropped'],
      ['cookie', 'a=1; culvert-session=secret; culvert-preview=secret'],
      ['authorization', 'Bearer cvt_secret'],
      ['culvert-preview-token', 'cvp_secret'],
    ] as const;
    const { head, body, end, firstByteMs, durationMs } = await answer({
      method: 'POST',
      body: Buffer.from('body'),
      fields,
    });
    expect([head.status, body.read().content.toString(), end]).toEqual([201, 'hello', 'complete']);
    expect(durationMs).toBeGreaterThanOrEqual(firstByteMs);
    const { request, body: sent } = seen[0];
    expect([request.method, request.url, sent.toString()]).toEqual(['POST', '/a?b=c', 'body']);
    expect(request.headers).toMatchObject({
      host: 'web.internal',
      'x-telepresence-intercept-id': 'id:demo',
      'x-dev': 'route',
      'x-own': 'kept',
      'x-forwarded-for': '203.0.113.9',
      'x-forwarded-host': 'demo.preview.test:8080',
      'x-forwarded-proto': 'https',
      cookie: 'a=1',
    });
    for (const name of ['x-hop', 'authorization', 'culvert-preview-token'])
      expect(request.headers).not.toHaveProperty(name);
    expect(traced).toMatchObject([
      { peer: '203.0.113.9', replay: { id: 'r1', replayOf: 'e1', callerId: 'u1' } },
    ]);
    expect(ended).toMatchObject([{ status: 201, error: null }]);
    expect(rig.route.traffic.requests).toBe(1);
    expect(rig.route.active).toBe(0);
    expect(rig.relay.drainRequestCounts()).toEqual(new Map([['t1', 1]]));
    expect(rig.relay.connectionCount).toBe(0);
  });

  it.each(Object.values(SECRET_PREFIXES))('sends no secret of Culvert to the service: %s', async (prefix) => {
    rig = await startRig(answering());
    await answer({ fields: [['authorization', `Bearer ${prefix}secret`]] });
    expect(seen[0].request.headers).not.toHaveProperty('authorization');
  });

  it('shares the pool of streams with visitors', async () => {
    rig = await startRig(answering());
    await rig.fetch('/');
    await answer();
    await rig.fetch('/');
    const [first, second, third] = seen.map(({ request }) => request.socket);
    expect(second).toBe(first);
    expect(third).toBe(first);
  });

  it('sends a body of any size at the pace of the service', async () => {
    let resume = (): void => {};
    rig = await startRig((request, response) => {
      request.pause();
      let bytes = 0;
      request.on('data', (chunk: Buffer) => (bytes += chunk.length));
      request.on('end', () => response.end(String(bytes)));
      request.pause();
      resume = () => request.resume();
    });
    const outcome = answer({ method: 'PUT', body: Buffer.alloc(8 * MIB, 1) });
    await rig.whenServing(1);
    resume();
    expect((await outcome).body.read().content.toString()).toBe(String(8 * MIB));
  });

  it('keeps the beginning of a long response, and reads no more than a limit', async () => {
    rig = await startRig((_request, response) => {
      const write = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 'x')));
      };
      response.on('drain', write);
      write();
    });
    const { body, end } = await answer();
    expect(end).toBe('cut');
    expect(body.read()).toMatchObject({ isTruncated: true, content: Buffer.alloc(1000, 'x') });
    await rig.whenServiceSeesAbort();
  });

  it('ends after its time limit with the part of the response that arrived, or with a timeout', async () => {
    rig = await startRig((request, response) => {
      if (request.url === '/stream') response.write('data: 1\n\n');
    });
    const { end, body } = await answer({ target: '/stream' }, { maxMs: 1 });
    expect([end, body.read().content.toString()]).toEqual(['cut', 'data: 1\n\n']);
    const outcome = await replay({ target: '/silent' }, { maxMs: 1 });
    expect(outcome).toMatchObject({ code: 'response_timeout', status: 504 });
    expect(rig.relay.counters.failures).toEqual({ response_timeout: 1 });
  });

  it('reports a response that broke off, and a service that never answered', async () => {
    rig = await startRig(
      (request, response) => {
        if (request.url === '/half') {
          response.writeHead(200, { 'content-length': '100' });
          response.write('half', () => request.socket.destroy());
        } else {
          request.socket.destroy();
        }
      },
      { limits: { managerWaitMs: 0 } },
    );
    expect(await answer({ target: '/half' })).toMatchObject({ end: 'broken' });
    expect(await replay({ method: 'POST' })).toMatchObject({ code: 'ingress_closed', status: 502 });
    rig.disconnect();
    expect(await replay()).toMatchObject({ code: 'manager_unavailable', status: 503 });
  });

  it('counts against the budget of its team, and obeys the limit on bodies', async () => {
    rig = await startRig(answering(), { limits: { maxRequestsPerTeam: 1, maxBodyBytes: 10 } });
    await answer();
    expect(await replay()).toMatchObject({ code: 'team_request_limit', status: 429 });
    expect(await replay({ method: 'POST', body: Buffer.alloc(11) })).toMatchObject({
      code: 'body_too_large',
    });
    expect(seen).toHaveLength(1);
  });

  it('outlives changes of access, and ends with its preview', async () => {
    rig = await startRig(() => {});
    rig.gate.check = () => refuse('access_denied');
    const outcome = replay();
    await rig.whenServing(1);
    await rig.relay.handleRouteChange('demo.preview.test');
    expect(rig.route.active).toBe(1);
    rig.removeRoute();
    await rig.relay.handleRouteChange('demo.preview.test');
    expect(await outcome).toMatchObject({ code: 'unknown_host' });
  });

  it('delays the stop of an edge, and fails when the edge gives it up', async () => {
    let finish = (): void => {};
    rig = await startRig((_request, response) => {
      finish = () => void response.end('late');
    });
    const outcome = answer();
    await rig.whenServing(1);
    const drained = rig.relay.drain(60_000);
    finish();
    await drained;
    expect((await outcome).end).toBe('complete');
    const given = replay();
    await rig.whenServing(2);
    rig.relay.close();
    expect(await given).toMatchObject({ code: 'tunnel_lost' });
  });

  it('is not counted as a connection of its address', async () => {
    rig = await startRig(answering(), { limits: { maxConnectionsPerAddress: 1 } });
    for (let i = 0; i < 3; i++) await answer();
    await rig.fetch('/');
    expect(seen).toHaveLength(4);
  });
});
