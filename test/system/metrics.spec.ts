import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { type Deployment, type Preview, startDeployment, visit } from '../support/deployment.js';
import { differences, lintPage, readPage, sumOf } from '../support/metrics.js';
import { freePort } from '../support/network.js';
import { startProgram } from '../support/process.js';

/** One standalone server with metrics on a port of their own, and a service behind a traffic manager. */
let deployment: Deployment;
let service: http.Server;
let preview: Preview;
let metricsPort: number;
let managerPort: number;
let peer: number;

beforeAll(async () => {
  service = http.createServer((request, response) => {
    if (request.url === '/id') {
      response.end(request.headers['x-request-id']);
      return;
    }
    if (request.url === '/own-id') response.setHeader('X-Request-Id', 'of-the-service');
    response.writeHead(Number(request.url?.slice(1)) || 200).end('ok');
  });
  const sockets = new WebSocketServer({ server: service });
  sockets.on('connection', (socket) => socket.close(1000));
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  metricsPort = await freePort();
  deployment = await startDeployment({
    METRICS_PORT: String(metricsPort),
    EXCHANGE_LOG: 'all',
    MANAGER_WAIT_MS: '300',
    TRUSTED_PROXIES: '127.0.0.1',
  });
  managerPort = await freePort();
  await deployment.startManager({ METRICS_PORT: String(managerPort) });
  peer = (service.address() as AddressInfo).port;
  preview = await deployment.createPreview(peer);
});

afterAll(async () => {
  await deployment?.stop();
  service?.close();
});

const get = (path: string, options: Parameters<typeof visit>[3] = {}) =>
  visit(deployment.port, preview.hostname, path, options);

/** Sends bytes, and resolves when the connection has ended. */
async function sendRaw(text: string): Promise<void> {
  const socket = net.connect(deployment.port, '127.0.0.1');
  socket.on('error', () => {});
  socket.resume();
  socket.write(text, 'latin1');
  await once(socket, 'close');
}

describe('the metrics of a deployment', () => {
  it('count requests by protocol, status and who answered, and measure each step', async () => {
    const before = (await readPage(metricsPort)).page;
    for (const path of ['/', '/', '/404', '/503']) await get(path);
    const socket = new WebSocket(`ws://127.0.0.1:${deployment.port}/`, {
      headers: { host: preview.hostname },
    });
    await once(socket, 'close');
    await visit(deployment.port, `no-such.${preview.hostname.split('.').slice(1).join('.')}`, '/');
    const away = await deployment.createPreview(1);
    await visit(deployment.port, away.hostname, '/');
    await expect
      .poll(async () => {
        const { page } = await readPage(metricsPort);
        const requests = (labels: Record<string, string>) => {
          const name = 'culvert_request_duration_seconds_count';
          return sumOf(page, name, labels) - sumOf(before, name, labels);
        };
        return {
          ok: requests({ protocol: 'http1', route: 'preview', status: '2xx', answered_by: 'service' }),
          notFound: requests({ route: 'preview', status: '4xx', answered_by: 'service' }),
          failed: requests({ route: 'preview', status: '5xx', answered_by: 'service' }),
          webSockets: requests({ protocol: 'websocket', status: '1xx' }),
          unknown: requests({ route: 'none', status: '4xx', answered_by: 'culvert' }),
          unreachable: requests({ route: 'preview', status: '5xx', answered_by: 'culvert' }),
          firstBytes: sumOf(page, 'culvert_time_to_first_byte_seconds_count', { route: 'preview' }),
          dialed: sumOf(page, 'culvert_dial_seconds_count', { via: 'tunnel', outcome: 'ok' }) > 0,
          refused: sumOf(page, 'culvert_dial_seconds_count', { via: 'tunnel', outcome: 'failed' }),
          failures: sumOf(page, 'culvert_failures_total', { code: 'ingress_refused' }),
          opens: sumOf(page, 'culvert_tunnel_opens_total', { kind: 'native', session: 'new' }),
          tunnels: sumOf(page, 'culvert_tunnels', { kind: 'native', leg: '1' }),
        };
      })
      .toEqual({
        ok: 2,
        notFound: 1,
        failed: 1,
        webSockets: 1,
        unknown: 1,
        unreachable: 1,
        firstBytes: 5,
        dialed: true,
        refused: 1,
        failures: 1,
        opens: 1,
        tunnels: 1,
      });
  });

  it('are those of the catalog, and Prometheus finds nothing wrong with them', async () => {
    const { text, page } = await readPage(metricsPort);
    // Only an edge with workers, with other edges, or with a certificate has these.
    const missing = /^culvert_(workers|worker_\w+|directory_\w+|link_\w+_total|certificate_\w+) is missing$/;
    expect(differences(page, ['edge', 'api']).filter((line) => !missing.test(line))).toEqual([]);
    expect(lintPage(text) ?? []).toEqual([]);
    expect(sumOf(page, 'culvert_build_info', { program: 'standalone' })).toBe(1);
    expect(sumOf(page, 'culvert_dependency_up', { dependency: 'store' })).toBe(1);
    expect(sumOf(page, 'culvert_database_query_seconds_count', { outcome: 'ok' })).toBeGreaterThan(0);
  });

  it('gain no series from what visitors send', async () => {
    const seriesOf = async () =>
      [...(await readPage(metricsPort)).page.keys()].filter((name) => name.startsWith('culvert_'));
    const host = `Host: ${preview.hostname}\r\n`;
    const hostile = (i: number) => [
      `X${'Y'.repeat(i)}METHOD /${i} HTTP/1.1\r\n${host}Connection: close\r\n\r\n`,
      `GET /${i} HTTP/1.1\r\nHost: host-${i}.example\r\nConnection: close\r\n\r\n`,
      `GET /${i} HTTP/9.${i}\r\n${host}\r\n`,
      `GET /${600 + i} HTTP/1.1\r\n${host}Connection: close\r\nX-Request-Id: ${i}\r\n\r\n`,
    ];
    for (const text of hostile(1)) await sendRaw(text);
    const before = await seriesOf();
    for (let i = 2; i < 12; i++) for (const text of hostile(i)) await sendRaw(text);
    expect(await seriesOf()).toEqual(before);
  });

  it('are on their own port alone', async () => {
    const onPort = await visit(deployment.port, `localhost:${deployment.port}`, '/metrics');
    expect(onPort.status).toBe(404);
    const health = await fetch(`http://127.0.0.1:${metricsPort}/readyz`);
    expect(health.status).toBe(404);
  });
});

describe('the metrics of programs in a cluster', () => {
  it('of a traffic manager measure its tunnels and the way to services', async () => {
    await expect
      .poll(async () => {
        const { page } = await readPage(managerPort);
        return [
          sumOf(page, 'culvert_manager_tunnels'),
          sumOf(page, 'culvert_manager_tunnel_opens_total'),
          sumOf(page, 'culvert_manager_dial_seconds_count', { outcome: 'ok' }) > 0,
          sumOf(page, 'culvert_manager_dial_seconds_count', { outcome: 'refused' }) > 0,
        ];
      })
      .toEqual([1, 1, true, true]);
    const { text, page } = await readPage(managerPort);
    expect(differences(page, ['traffic-manager'])).toEqual([
      'culvert_certificate_expiry_timestamp_seconds is missing',
    ]);
    expect(lintPage(text) ?? []).toEqual([]);
  });

  it.each([
    ['traffic-agent', 'apps/traffic-agent/src/main.js', [], {}],
    [
      'pod-daemon',
      'apps/traffic-manager/src/main.js',
      ['--workload-name=web', '--no-preview-url'],
      { AMBASSADOR_CLOUD_APIKEY: 'x'.repeat(20) },
    ],
  ] as const)('of a %s are those of the catalog', async (name, program, flags, env) => {
    const port = await freePort();
    const args = name === 'pod-daemon' ? ['pod-daemon', ...flags] : [];
    const started = startProgram(
      program,
      {
        METRICS_PORT: String(port),
        CULVERT_MANAGER_URL: 'http://127.0.0.1:1',
        CULVERT_AGENT_PORTS: `${await freePort()}:${peer}`,
        CULVERT_WORKLOAD_NAME: 'web',
        CULVERT_CLUSTER_SECRET: 'a-secret-of-this-test',
        ...env,
      },
      args,
    );
    await expect
      .poll(() =>
        readPage(port).then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    const { text, page } = await readPage(port);
    expect(differences(page, [name])).toEqual([]);
    expect(lintPage(text) ?? []).toEqual([]);
    await started.stop();
  });
});

describe('the log of exchanges', () => {
  it('has one line for each request, without its query', async () => {
    await get('/cart?token=S3CR3Tvalue0123456789', { headers: { 'x-forwarded-for': '198.51.100.9' } });
    const [line] = await deployment.program.logged(/^.*"path":"\/cart".*$/m);
    expect(JSON.parse(line)).toMatchObject({
      level: 'info',
      msg: 'request',
      hostname: preview.hostname,
      previewId: preview.id,
      method: 'GET',
      status: 200,
      peer: '198.51.100.9',
    });
    expect(deployment.program.stderr).not.toContain('S3CR3T');
  });

  it('has the id that the service and the visitor got', async () => {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const seen = new Set<string>();
    // Heads that are repeated on one connection are sent from a cache.
    for (let i = 0; i < 20; i++) {
      const { body, headers } = await get('/id', { agent });
      expect(headers['x-request-id']).toMatch(/^[0-9a-f]{32}$/);
      expect(String(body)).toBe(headers['x-request-id']);
      seen.add(String(body));
      await deployment.program.logged(new RegExp(`"requestId":"${String(body)}"`));
    }
    agent.destroy();
    expect(seen.size).toBe(20);
  });

  it('has the id of a trusted proxy, and leaves a service its own', async () => {
    const { body, headers } = await get('/id', { headers: { 'x-request-id': 'proxy-1' } });
    expect([String(body), headers['x-request-id']]).toEqual(['proxy-1', 'proxy-1']);
    expect((await get('/id', { headers: { 'x-request-id': 'not safe"' } })).headers['x-request-id']).toMatch(
      /^[0-9a-f]{32}$/,
    );
    const own = await get('/own-id', { headers: { 'x-request-id': 'proxy-2' } });
    expect(own.headers['x-request-id']).toBe('of-the-service');
  });

  it('has the id of an error, and of a request to the API', async () => {
    const away = await deployment.createPreview(1);
    const { headers } = await visit(deployment.port, away.hostname, '/');
    await deployment.program.logged(
      new RegExp(`"requestId":"${String(headers['x-request-id'])}".*"ingress_refused"`),
    );
    const api = await visit(deployment.port, `localhost:${deployment.port}`, '/api/v1/me');
    const id = String(api.headers['x-request-id']);
    expect(id).toMatch(/^[0-9a-f]{32}$/);
    expect(JSON.parse(String(api.body))).toMatchObject({
      instance: `urn:uuid:${id.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}`,
    });
  });

  it('has the reference that a visitor was shown', async () => {
    const away = await deployment.createPreview(1);
    const { body } = await visit(deployment.port, away.hostname, '/');
    const { reference } = JSON.parse(String(body)) as { reference: string };
    const [line] = await deployment.program.logged(new RegExp(`^.*"reference":"${reference}".*$`, 'm'));
    expect(JSON.parse(line)).toMatchObject({ level: 'warn', code: 'ingress_refused', previewId: away.id });
  });
});
