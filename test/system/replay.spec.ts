import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { exchange, type Exchange, type ReplayResource, replayResource } from '@culvert/contract';
import { EventReader } from '@culvert/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { API_KEY, type Deployment, startDeployment, visit } from '../support/deployment.js';
import { readMetric } from '../support/figures.js';
import { startSplit } from '../support/split-deployment.js';

/** Replays in both kinds of deployment: one process, and two edges and an API on Redis. */
const SECRET = 'S3CR3Tvalue0123456789';

interface Shape {
  readonly deployment: Deployment;
  /** Port of the edge that the traffic manager is connected to. */
  readonly tunnelPort: number;
  readonly metricsPort: number;
  stop(): Promise<void>;
}

async function standalone(): Promise<Shape> {
  const deployment = await startDeployment({ DATA_DIR: 'memory' });
  const { port } = deployment;
  return { deployment, tunnelPort: port, metricsPort: port, stop: () => deployment.stop() };
}

/** The API is reached through the edge without the tunnel. */
async function split(): Promise<Shape> {
  const { deployment, edges, ports, stop } = await startSplit({ edges: 2 });
  const [, metricsPort] = await edges[1].logged(/"adminPort":(\d+)/);
  return { deployment, tunnelPort: ports[1], metricsPort: Number(metricsPort), stop };
}

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

describe.each([
  ['one process', standalone],
  ['two edges and an API', split],
] as const)('replays in %s', (_shape, start) => {
  let shape: Shape;
  let deployment: Deployment;
  let service: http.Server;
  let servicePort: number;
  let trafficManagerId: string;
  const seen: Seen[] = [];
  const readers: EventReader[] = [];

  beforeAll(async () => {
    service = http
      .createServer((request, response) => {
        const chunks: Buffer[] = [];
        request.on('data', (chunk: Buffer) => chunks.push(chunk));
        request.on('end', () => {
          const { method = '', url = '', headers } = request;
          seen.push({ method, url, headers, body: Buffer.concat(chunks) });
          response.setHeader('set-cookie', `sid=${SECRET}; Path=/`);
          response.writeHead(201).end(`answer ${seen.length}`);
        });
      })
      .listen(0, '127.0.0.1');
    await once(service, 'listening');
    servicePort = (service.address() as AddressInfo).port;
    shape = await start();
    ({ deployment } = shape);
    await deployment.startManager({ CULVERT_URL: `http://127.0.0.1:${shape.tunnelPort}` });
    const managers = await deployment.api<{ items: { id: string }[] }>('GET', '/traffic-managers');
    trafficManagerId = managers.items[0].id;
  });
  afterEach(() => {
    seen.length = 0;
    for (const reader of readers.splice(0)) reader.close();
  });
  afterAll(async () => {
    await shape?.stop();
    service?.closeAllConnections();
    service?.close();
  });

  const newPreview = (port = servicePort, overrides: object = {}) =>
    deployment.createPreview(port, { trafficManagerId, ...overrides });
  const watch = async (previewId: string, query = '') => {
    const reader = await EventReader.open(
      `http://127.0.0.1:${deployment.port}/api/v1/previews/${previewId}/exchanges${query}`,
      { authorization: `Bearer ${API_KEY}` },
    );
    readers.push(reader);
    await reader.next('ready');
    return reader;
  };
  const ended = async (reader: EventReader, isMeant: (each: Exchange) => boolean): Promise<Exchange> =>
    exchange.parse(
      (await reader.next('exchange', (each: Exchange) => each.state === 'ended' && isMeant(each))).data,
    );
  const replay = async (previewId: string, body: object): Promise<ReplayResource> =>
    replayResource.parse(await deployment.api('POST', `/previews/${previewId}/replays`, body));
  const failure = async (previewId: string, body: object) => {
    const answer = await deployment.apiStatus('POST', `/previews/${previewId}/replays`, body);
    const { code, detail } = answer.body as { code: string; detail?: string };
    return { status: answer.status, code, detail };
  };

  it('are in the metrics of the edge that sent them', async () => {
    const failed = () => readMetric(shape.metricsPort, 'culvert_replays_total{outcome="failed"}');
    expect(await failed()).toBe(0);
    const refused = await newPreview(1);
    await deployment.apiStatus('POST', `/previews/${refused.id}/replays`, { method: 'GET', target: '/' });
    await expect.poll(failed).toBe(1);
  });

  it('repeat an exchange with its body, without its secrets', async () => {
    const preview = await newPreview(servicePort, { addRequestHeaders: { 'x-added': 'by the preview' } });
    const reader = await watch(preview.id, '?captureBodies=true');
    const body = Buffer.from([0, 255, 10, 60]);
    await visit(shape.tunnelPort, new URL(preview.url).host, '/a?b=c', {
      method: 'POST',
      body,
      headers: { 'x-own': 'kept', authorization: `Bearer ${SECRET}`, cookie: `sid=${SECRET}; culvert-x=1` },
    });
    const original = await ended(reader, ({ target }) => target === '/a?b=c');
    await reader.next('bodies');
    const replayed = await replay(preview.id, { exchangeId: original.id });
    expect(replayed).toMatchObject({ status: 201, replayOf: original.id, end: 'complete' });
    expect(Buffer.from(replayed.body?.base64 ?? '', 'base64').toString()).toBe('answer 2');
    expect(JSON.stringify(replayed.response)).not.toContain(SECRET);

    const [first, second] = seen;
    expect([second.method, second.url, second.body]).toEqual(['POST', '/a?b=c', body]);
    for (const name of ['x-own', 'x-added', 'host', 'x-telepresence-intercept-id', 'x-forwarded-host'])
      expect([name, second.headers[name]]).toEqual([name, first.headers[name]]);
    expect(second.headers['x-forwarded-for']).toBe('127.0.0.1');
    for (const name of ['authorization', 'cookie']) expect(second.headers).not.toHaveProperty(name);

    const shown = await ended(reader, ({ replayOf }) => replayOf !== null);
    expect(shown).toMatchObject({
      id: replayed.exchangeId,
      replayOf: original.id,
      method: 'POST',
      target: '/a?b=c',
      status: 201,
      visitor: { kind: 'replay', address: '127.0.0.1' },
    });
    // Repeats the replay itself, too.
    expect((await replay(preview.id, { exchangeId: shown.id, method: 'PUT' })).status).toBe(201);
    expect(seen[2]).toMatchObject({ method: 'PUT', body });
  });

  it('send a request that was written by hand to a private preview, once, also without watchers', async () => {
    const preview = await newPreview(servicePort, { access: 'team' });
    expect((await visit(shape.tunnelPort, preview.hostname, '/')).status).toBe(401);
    const replayed = await replay(preview.id, {
      method: 'PATCH',
      target: '/written?token=mine',
      headers: [
        { name: 'Authorization', value: 'Basic bWU6' },
        { name: 'X-Forwarded-For', value: '198.51.100.1' },
        { name: 'X-Telepresence-Intercept-Id', value: 'forged' },
      ],
      body: { text: 'é' },
    });
    expect(replayed).toMatchObject({ status: 201, replayOf: null, end: 'complete' });
    expect(seen).toMatchObject([{ method: 'PATCH', url: '/written?token=mine', body: Buffer.from('é') }]);
    expect(seen[0].headers).toMatchObject({
      authorization: 'Basic bWU6',
      'x-telepresence-intercept-id': preview.interceptId,
      'x-forwarded-for': '127.0.0.1',
      'content-length': '2',
    });
    const { items } = await deployment.api<{ items: { after: object }[] }>(
      'GET',
      `/audit-events?action=preview.replay&targetId=${preview.id}`,
    );
    expect(items.map(({ after }) => after)).toEqual([
      { exchangeId: replayed.exchangeId, replayOf: null, method: 'PATCH', path: '/written' },
    ]);
  });

  it('can be large', async () => {
    const preview = await newPreview();
    const body = Buffer.alloc(1_048_576, 'x').toString('base64');
    await replay(preview.id, { method: 'PUT', target: '/large', body: { base64: body } });
    expect(seen[0].body).toHaveLength(1_048_576);
  });

  it('explain why there was no response', async () => {
    const refused = await newPreview(1);
    const request = { method: 'GET', target: '/' };
    expect(await failure(refused.id, request)).toMatchObject({
      status: 502,
      code: 'replay_failed',
      detail: expect.stringContaining('127.0.0.1:1'),
    });
    const lab = await deployment.api<{ id: string }>('POST', '/traffic-managers', {
      managerId: `lab-${_shape}`.replaceAll(' ', '-'),
    });
    const away = await deployment.createPreview(servicePort, { trafficManagerId: lab.id });
    expect(await failure(away.id, request)).toMatchObject({
      status: 503,
      code: 'cluster_not_connected',
      detail: 'its traffic manager has no tunnel to any edge',
    });
    const preview = await newPreview();
    expect(await failure(preview.id, { exchangeId: 'unknown' })).toMatchObject({
      status: 409,
      code: 'exchange_not_repeatable',
    });
    expect(await failure(preview.id, { method: 'GET', target: '/.culvert/sign-in' })).toMatchObject({
      status: 422,
      code: 'replay_not_accepted',
    });
    expect(await failure('nothing', request)).toMatchObject({ status: 404, code: 'not_found' });
    expect(seen).toEqual([]);
  });

  it('are sent once if several tunnels could carry them', async () => {
    const preview = await newPreview();
    const other = await deployment.startManager();
    for (let i = 0; i < 5; i++) await replay(preview.id, { method: 'POST', target: `/once/${i}` });
    expect(seen.map(({ url }) => url)).toEqual(Array.from({ length: 5 }, (_, i) => `/once/${i}`));
    await other.stop();
  });
});
