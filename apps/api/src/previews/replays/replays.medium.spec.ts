import type { ReplayReport } from '@culvert/events';
import { MAX_REPLAY_BODY_BYTES } from '@culvert/contract';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, type TestTeam } from '../../spec/api-harness.js';
import { ANSWERED, ReplayingEdge } from '../../spec/replaying-edge.js';

const EXCHANGE = {
  id: 'e1',
  state: 'ended',
  startedAt: '2026-01-01T00:00:00.000Z',
  method: 'GET',
  target: '/basket',
  httpVersion: '1.1',
  upgrade: null,
  visitor: { address: '192.0.2.1', kind: 'anyone', id: null },
  replayOf: null,
  request: {
    fields: [
      { name: 'x-dev', value: 'ann', isMasked: false },
      { name: 'Authorization', value: '***', isMasked: true },
    ],
    isTruncated: false,
  },
  response: null,
  notes: [],
  changes: [],
  status: 500,
  error: null,
  timings: { gateMs: 0, waitMs: null, connectMs: 0, firstByteMs: 1, bodyMs: 1 },
  bytesIn: 1,
  bytesOut: 1,
};
const GET = { method: 'GET', target: '/basket?token=secret' };

function failed(code: string, status: number, retryAfterSeconds = 0): ReplayReport {
  return { kind: 'report', isAnswered: false, code, status, detail: 'It is so.', retryAfterSeconds };
}

describe('replaying', () => {
  let api: TestApi;
  let team: TestTeam;
  let edge: ReplayingEdge;
  let preview: { id: string; hostname: string; trafficManagerId: string };
  const others: ReplayingEdge[] = [];

  beforeAll(async () => {
    api = await TestApi.start();
  });
  afterAll(() => api.close());
  afterEach(() => {
    for (const each of [edge, ...others.splice(0)]) each.close();
  });

  /** Creates a team of its own, since replays are counted. */
  const begin = async () => {
    edge = new ReplayingEdge(api.bus);
    team = await api.team('Shop');
    await team.trafficManager('cluster');
    preview = (
      await team.post('/previews', {
        intercept: { name: 'web', workload: 'web' },
        ingress: { host: 'web', port: 80 },
      })
    ).body;
    api.bus.drain();
  };
  const replay = (body: object) => team.post(`/previews/${preview.id}/replays`, body);

  it.each([
    ['sends nothing for a key that is revoked while edges are asked', 1, 0],
    ['shows no answer to a key that is revoked while the service works on it', 2, 1],
  ])('%s', async (_what, atDemand, orders) => {
    await begin();
    const key = await team.keyWith({});
    const { authorities, apiKeys } = api.store;
    const demand = authorities.demand.bind(authorities);
    let demands = 0;
    authorities.demand = async (...asked) => {
      demands++;
      if (demands === atDemand) await apiKeys.revoke(team.teamId, key.apiKey.id, new Date());
      await demand(...asked);
    };
    const { status, body } = await key.post(`/previews/${preview.id}/replays`, GET);
    authorities.demand = demand;
    expect([status, body.code, edge.orders.length]).toEqual([401, 'unauthenticated', orders]);
  });

  it('makes one edge send the request, and returns the result', async () => {
    await begin();
    others.push(new ReplayingEdge(api.bus));
    const { status, body } = await replay({
      ...GET,
      method: 'POST',
      headers: [{ name: 'x-a', value: 'b' }],
      body: { text: 'body' },
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      status: 201,
      replayOf: null,
      end: 'complete',
      firstByteMs: 1,
      durationMs: 2,
    });
    expect([...edge.orders, ...others[0].orders]).toEqual([
      {
        replayId: body.exchangeId,
        replayOf: null,
        teamId: team.teamId,
        previewId: preview.id,
        hostname: preview.hostname,
        host: `${preview.hostname}:8080`,
        isSecure: false,
        callerId: team.apiKey.id,
        address: '127.0.0.1',
        method: 'POST',
        target: '/basket?token=secret',
        fields: [['x-a', 'b']],
        body: Buffer.from('body').toString('base64'),
      },
    ]);
    expect(api.bus.drain()).toEqual([
      {
        type: 'replay.asked',
        replayId: body.exchangeId,
        teamId: team.teamId,
        previewId: preview.id,
        trafficManagerId: preview.trafficManagerId,
        exchangeId: '',
      },
    ]);
  });

  it('appears in the audit log, without the query', async () => {
    await begin();
    const { exchangeId } = (await replay(GET)).body;
    const { items } = (await team.get('/audit-events?action=preview.replay')).body;
    expect(items).toMatchObject([
      {
        actor: { kind: 'api-key', id: team.apiKey.id },
        targetId: preview.id,
        after: { exchangeId, replayOf: null, method: 'GET', path: '/basket' },
      },
    ]);
    expect(JSON.stringify(items)).not.toContain('secret');
  });

  it('repeats an exchange that one edge holds when another edge has the tunnel', async () => {
    await begin();
    const holder = new ReplayingEdge(api.bus);
    others.push(holder);
    holder.offer = { state: 'away', offerId: '', exchange: EXCHANGE };
    const { body } = await replay({ exchangeId: 'e1' });
    expect(body.replayOf).toBe('e1');
    expect(edge.orders).toMatchObject([
      { replayOf: 'e1', method: 'GET', target: '/basket', fields: [['x-dev', 'ann']], body: '' },
    ]);
  });

  it('reports that no edge holds the exchange, and sends nothing', async () => {
    await begin();
    const { status, body } = await replay({ exchangeId: 'e1' });
    expect([status, body.code]).toEqual([409, 'exchange_not_repeatable']);
    expect(edge.orders).toEqual([]);
    // A request that is complete needs no edge that holds the exchange.
    const whole = { ...GET, exchangeId: 'e1', headers: [], body: { text: '' } };
    expect((await replay(whole)).body).toMatchObject({ status: 201, replayOf: 'e1' });
  });

  it.each([
    ['away', 'its traffic manager has no tunnel to any edge'],
    ['busy', 'the edges have reached their limit of replays'],
  ] as const)('reports that every edge is %s', async (state, detail) => {
    await begin();
    edge.offer = { state, offerId: '' };
    const { status, body } = await replay(GET);
    expect([status, body.code, body.detail]).toEqual([503, 'cluster_not_connected', detail]);
    expect((await team.get('/audit-events?action=preview.replay')).body.items).toEqual([]);
  });

  it('reports that there is no edge, or none can be reached', async () => {
    await begin();
    edge.close();
    expect((await replay(GET)).body).toMatchObject({ status: 503, detail: 'no edge answered' });
    api.bus.refusal = new Error('Redis is away');
    const { status, text } = await replay(GET);
    api.bus.refusal = undefined;
    expect([status, text.includes('Redis is away')]).toEqual([503, false]);
  });

  it.each([
    ['ingress_refused', 502, 'replay_failed', 502],
    ['tunnel_lost', 502, 'replay_failed', 502],
    ['response_timeout', 504, 'replay_timed_out', 504],
    ['manager_unavailable', 503, 'cluster_not_connected', 503],
    ['bad_request', 431, 'replay_not_accepted', 422],
    ['bad_request', 501, 'replay_not_accepted', 422],
    ['preview_expired', 410, 'replay_not_accepted', 422],
    ['team_request_limit', 429, 'too_many_requests', 429],
    ['unknown_host', 404, 'not_found', 404],
    ['internal_error', 500, 'internal_error', 500],
  ] as const)('answers a failure %s of status %i as %s', async (code, status, problem, answered) => {
    await begin();
    edge.report = failed(code, status, 7);
    const response = await replay(GET);
    expect([response.status, response.body.code]).toEqual([answered, problem]);
    if (code === 'ingress_refused') expect(response.body.detail).toBe('It is so');
    if (code === 'team_request_limit') expect(response.headers['retry-after']).toBe('7');
  });

  it('accepts a body of a mebibyte, and no larger one', async () => {
    await begin();
    const most = Buffer.alloc(MAX_REPLAY_BODY_BYTES, 'x');
    expect((await replay({ ...GET, body: { text: most.toString() } })).status).toBe(200);
    expect((await replay({ ...GET, body: { base64: most.toString('base64') } })).status).toBe(200);
    expect(edge.orders.map(({ body }) => body.length)).toEqual([1_398_104, 1_398_104]);
    const { status, body } = await replay({ ...GET, body: { text: `${most.toString()}x` } });
    expect([status, body.errors]).toEqual([
      400,
      [{ pointer: '/body/text', message: 'must be at most 1048576 bytes' }],
    ]);
    // Other operations keep their limit.
    expect((await team.post('/previews', { name: most.toString() })).status).toBe(413);
  });

  it('is refused beyond 120 in a minute', async () => {
    await begin();
    for (let i = 0; i < 120; i += 40)
      await Promise.all(Array.from({ length: 40 }, async () => expect((await replay(GET)).status).toBe(200)));
    const { status, body, headers } = await replay(GET);
    expect([status, body.code]).toEqual([429, 'too_many_requests']);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    expect(edge.orders).toHaveLength(120);
  });

  it('reveals the preview to no other team, and needs permission to change it', async () => {
    await begin();
    const other = await api.team('Other');
    expect((await other.post(`/previews/${preview.id}/replays`, GET)).status).toBe(404);
    const reading = await team.keyWith({ scopes: ['previews:read'] });
    expect((await reading.post(`/previews/${preview.id}/replays`, GET)).status).toBe(403);
    expect(edge.orders).toEqual([]);
  });

  it('returns the part of a response that arrived before it broke off', async () => {
    await begin();
    edge.report = { ...ANSWERED, end: 'broken' } as ReplayReport;
    expect((await replay(GET)).body.end).toBe('broken');
  });
});
