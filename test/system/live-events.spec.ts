import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { exchange, exchangeBodies, type Exchange, type ExchangeBodies } from '@culvert/contract';
import { EventReader } from '@culvert/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { API_KEY, type Deployment, startDeployment, visit } from '../support/deployment.js';
import { startSplit } from '../support/split-deployment.js';

/** Live views in both kinds of deployment: one process, and edge and API separate on Redis. */
const SECRET = 'S3CR3Tvalue0123456789';

/** Limit of open streams of one key. */
const MAX_STREAMS = 20;

interface Shape {
  readonly deployment: Deployment;
  stop(): Promise<void>;
}

async function standalone(): Promise<Shape> {
  const deployment = await startDeployment({ DATA_DIR: 'memory' });
  return { deployment, stop: () => deployment.stop() };
}

function split(): Promise<Shape> {
  return startSplit({ edges: 1 });
}

describe.each([
  ['one process', standalone],
  ['edge and API apart', split],
] as const)('live events of %s', (_shape, start) => {
  let shape: Shape;
  let deployment: Deployment;
  let service: http.Server;
  let trafficManagerId: string;
  const readers: EventReader[] = [];

  beforeAll(async () => {
    service = http
      .createServer((request, response) => {
        request.resume();
        request.on('end', () => {
          response.setHeader('set-cookie', `sid=${SECRET}; Path=/`);
          response.statusCode = request.url === '/missing' ? 404 : 200;
          response.end('<b>answer</b>');
        });
      })
      .listen(0, '127.0.0.1');
    await once(service, 'listening');
    shape = await start();
    ({ deployment } = shape);
    await deployment.startManager();
    const managers = await deployment.api<{ items: { id: string }[] }>('GET', '/traffic-managers');
    trafficManagerId = managers.items[0]?.id ?? '';
  });
  afterEach(() => {
    for (const reader of readers.splice(0)) reader.close();
  });
  afterAll(async () => {
    await shape?.stop();
    service?.closeAllConnections();
    service?.close();
  });

  const open = async (path: string) => {
    const reader = await EventReader.open(`http://127.0.0.1:${deployment.port}/api/v1${path}`, {
      authorization: `Bearer ${API_KEY}`,
    });
    readers.push(reader);
    expect(reader.status).toBe(200);
    return reader;
  };
  const watch = async (path: string) => {
    const reader = await open(path);
    await reader.next('ready');
    return reader;
  };
  const newPreview = (port = (service.address() as AddressInfo).port) =>
    deployment.createPreview(port, { trafficManagerId });
  const ended = async (reader: EventReader, target: string) =>
    exchange.parse(
      (
        await reader.next(
          'exchange',
          (each: Exchange) => each.target.startsWith(target) && each.state === 'ended',
        )
      ).data,
    );

  it('report changes by the API, and managers that connect and disconnect', async () => {
    const reader = await watch('/events');
    const { id } = await newPreview();
    expect((await reader.next('change', (change: { id: string }) => change.id === id)).data).toMatchObject({
      resource: 'preview',
      change: 'created',
    });
    const manager = await deployment.startManager({ CULVERT_MANAGER_ID: 'another' });
    const isSession = ({ resource }: { resource: string }) => resource === 'session';
    const session = (await reader.next('change', isSession)).data as { id: string; change: string };
    expect(session.change).toBe('created');
    await manager.stop();
    await expect
      .poll(async () => (await deployment.api<{ state: string }>('GET', `/sessions/${session.id}`)).state)
      .toBe('disconnected');
    expect((await reader.next('change', isSession)).data).toMatchObject({
      id: session.id,
      change: 'updated',
    });
  });

  /** Opens the event stream, and leaves it as a browser does that opens another page. */
  const comeAndGo = async (): Promise<number | undefined> => {
    const request = http.get({
      host: '127.0.0.1',
      port: deployment.port,
      path: '/api/v1/events',
      agent: false,
      headers: { authorization: `Bearer ${API_KEY}` },
    });
    const [response] = (await once(request, 'response')) as [http.IncomingMessage];
    // The stream was left, so errors after the response are expected.
    response.on('error', () => {});
    await once(response, 'data');
    request.destroy();
    return response.statusCode;
  };

  /**
   * Streams were never released: in one process the application is reached through a pair of streams, of which one did
   * not notice that the other was destroyed. After twenty pages a person had no events any longer.
   */
  it('are released when their reader disconnects, so that the next one is served', async () => {
    // It takes a moment until a disconnect is noticed.
    for (let i = 0; i < 2 * MAX_STREAMS; i++) await expect.poll(comeAndGo).toBe(200);
  });

  it('show exchanges as they pass, without secrets, also to later watchers', async () => {
    const preview = await newPreview();
    const reader = await watch(`/previews/${preview.id}/exchanges`);
    const hostile = '<img src=x onerror=alert(1)>';
    await visit(deployment.port, preview.hostname, `/a?token=${SECRET}`, {
      method: 'POST',
      body: 'question',
      headers: { authorization: `Bearer ${SECRET}`, cookie: `sid=${SECRET}`, 'x-name': hostile },
    });
    const seen = await ended(reader, '/a');
    expect(seen).toMatchObject({
      method: 'POST',
      target: '/a?token=***',
      status: 200,
      error: null,
      visitor: { address: '127.0.0.1', kind: 'anyone' },
    });
    expect(seen.request.fields).toContainEqual({ name: 'x-name', value: hostile, isMasked: false });
    expect(seen.response?.fields).toContainEqual(
      expect.objectContaining({ value: 'sid=***; Path=/', isMasked: true }),
    );
    for (const ms of [seen.timings.gateMs, seen.timings.firstByteMs, seen.timings.bodyMs])
      expect(ms).toBeGreaterThanOrEqual(0);
    expect(JSON.stringify(seen)).not.toContain(SECRET);
    await visit(deployment.port, preview.hostname, '/missing');
    expect(await ended(reader, '/missing')).toMatchObject({ status: 404 });
    const late = await open(`/previews/${preview.id}/exchanges`);
    expect(await ended(late, '/a')).toEqual(seen);
  });

  it('show bodies to watchers who ask for them', async () => {
    const preview = await newPreview();
    const reader = await watch(`/previews/${preview.id}/exchanges?captureBodies=true`);
    const body = Buffer.from([0, 255, 60, 98, 62]);
    await visit(deployment.port, preview.hostname, '/binary', { method: 'POST', body });
    const bodies: ExchangeBodies = exchangeBodies.parse((await reader.next('bodies')).data);
    expect(Buffer.from(bodies.request?.base64 ?? '', 'base64')).toEqual(body);
    expect(Buffer.from(bodies.response?.base64 ?? '', 'base64').toString()).toBe('<b>answer</b>');
  });

  it('show failures, and end with the preview', async () => {
    const preview = await newPreview(1);
    const reader = await watch(`/previews/${preview.id}/exchanges`);
    await visit(deployment.port, preview.hostname, '/refused');
    expect(await ended(reader, '/refused')).toMatchObject({
      status: 502,
      error: 'ingress_refused',
      response: null,
    });
    await deployment.api('DELETE', `/previews/${preview.id}`);
    expect((await reader.next('end')).data).toEqual({ reason: 'gone' });
  });

  it('survive hundreds of exchanges a second, and account for each', async () => {
    const preview = await newPreview();
    const reader = await watch(`/previews/${preview.id}/exchanges`);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
    const total = 600;
    await Promise.all(
      Array.from({ length: total }, (_, i) => visit(deployment.port, preview.hostname, `/n/${i}`, { agent })),
    );
    agent.destroy();
    const ids = new Set<string>();
    let omitted = 0;
    await expect
      .poll(() => {
        for (const { name, data } of reader.pending.splice(0)) {
          if (name === 'omitted') omitted += (data as { count: number }).count;
          else if (name === 'exchange' && (data as Exchange).state === 'ended')
            ids.add((data as Exchange).id);
        }
        return ids.size + omitted;
      })
      .toBe(total);
  });
});
