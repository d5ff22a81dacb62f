/** `@culvert/client` in a program, beside a real standalone. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  ClientError,
  createBearer,
  createClient,
  createHttpClient,
  createPreviewApi,
  expose,
  type ExposedPreview,
  type ExposeOptions,
  type ExposeTarget,
  PreviewExposure,
  type PreviewPlan,
  type PreviewRequest,
  readSettings,
  type RunningPreview,
} from '@culvert/client';
import { createTestCertificate } from '@culvert/testkit';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { API_KEY, type Deployment, startDeployment, visit } from '../support/deployment.js';

/** A hostname without a preview looks like that of a private one. */
const GONE = 401;

let deployment: Deployment;
let home: string;
let service: http.Server;
const previews: RunningPreview[] = [];

beforeAll(async () => {
  deployment = await startDeployment();
});
afterAll(() => deployment?.stop());

beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  vi.stubEnv('CULVERT_CONFIG_DIR', home);
  vi.stubEnv('CULVERT_URL', `http://localhost:${deployment.port}`);
  vi.stubEnv('CULVERT_API_KEY', API_KEY);
  service = await listen(
    http.createServer((request, response) => response.end(`host ${request.headers.host}`)),
  );
});
afterEach(async () => {
  await Promise.all(previews.splice(0).map((preview) => preview.close().catch(() => undefined)));
  service.closeAllConnections();
  service.close();
  vi.unstubAllEnvs();
  rmSync(home, { recursive: true, force: true });
});

async function listen<Server extends http.Server>(server: Server): Promise<Server> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
const portOf = (server: http.Server) => (server.address() as AddressInfo).port;

async function exposed(target: ExposeTarget, options: ExposeOptions = {}): Promise<RunningPreview> {
  const preview = await expose(target, { access: 'public', ...options });
  previews.push(preview);
  return preview;
}
const open = async ({ hostname }: RunningPreview) => {
  const { status, body } = await visit(deployment.port, hostname, '/');
  return [status, body.toString()];
};
const failureOf = (pending: Promise<unknown>) =>
  pending.then(
    () => null,
    (error: unknown) => error,
  );

describe('expose()', () => {
  it('gives a port, an address, a URL and a server of its own process a URL each', async () => {
    const port = portOf(service);
    const certificate = createTestCertificate(['localhost']);
    const secure = await listen(
      https.createServer(certificate, (_request, response) => response.end('secure')),
    );
    const all = await Promise.all([
      exposed(port, { name: 'port' }),
      exposed(`127.0.0.1:${port}`, { name: 'address' }),
      exposed(new URL(`http://127.0.0.1:${port}`), { name: 'url' }),
      exposed(service, { name: 'server' }),
      exposed(secure),
    ]);
    expect(await Promise.all(all.map(open))).toEqual([
      [200, `host localhost:${port}`],
      [200, `host 127.0.0.1:${port}`],
      [200, `host 127.0.0.1:${port}`],
      [200, `host 127.0.0.1:${port}`],
      [200, 'secure'],
    ]);
    expect(new Set(all.map(({ url }) => url)).size).toBe(5);
    secure.closeAllConnections();
    secure.close();
  });

  it('waits for a server that does not listen yet', async () => {
    const late = http.createServer((_request, response) => response.end('late'));
    const pending = exposed(late);
    await listen(late);
    expect(await open(await pending)).toEqual([200, 'late']);
    late.closeAllConnections();
    late.close();
  });

  it('removes the URL when it is closed, and at the end of a block', async () => {
    let hostname: string;
    {
      await using preview = await expose(service, { access: 'public' });
      ({ hostname } = preview);
      expect(await open(preview)).toEqual([200, `host 127.0.0.1:${portOf(service)}`]);
    }
    expect((await visit(deployment.port, hostname, '/')).status).toBe(GONE);
    const preview = await exposed(service);
    await Promise.all([preview.close(), preview.close()]);
    expect(await preview.ended).toBeNull();
    expect((await open(preview))[0]).toBe(GONE);
    expect((await deployment.api<{ items: unknown[] }>('GET', '/traffic-managers')).items).toEqual([]);
  });

  it('uses a kept URL again in the next run with its name', async () => {
    const options = { keep: true, name: 'shop' };
    const first = await exposed(service, options);
    await first.close();
    const second = await exposed(service, options);
    expect(second.url).toBe(first.url);
    expect(await open(second)).toEqual([200, `host 127.0.0.1:${portOf(service)}`]);
    await second.close();
    for (const { id } of await createClient().all('listTrafficManagers'))
      await createClient().deleteTrafficManager({ trafficManagerId: id });
  });

  it('refuses a name that is in use in the same process', async () => {
    await exposed(service, { name: 'shop' });
    expect(await failureOf(exposed(service, { name: 'shop' }))).toMatchObject({ code: 'conflict' });
  });

  it('reports requests with their outcome', async () => {
    const seen: PreviewRequest[] = [];
    const preview = await exposed(service, { onRequest: (request) => seen.push(request) });
    await visit(deployment.port, preview.hostname, '/basket?secret=1');
    await expect.poll(() => seen).toMatchObject([{ method: 'GET', path: '/basket', status: 200 }]);
  });

  it('ends when its signal is aborted, before and after it has a URL', async () => {
    const reason = new Error('enough');
    expect(await failureOf(expose(service, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    const early = new AbortController();
    const pending = failureOf(expose(service, { signal: early.signal }));
    early.abort(reason);
    expect(await pending).toBe(reason);
    const late = new AbortController();
    const preview = await exposed(service, { signal: late.signal });
    late.abort(reason);
    expect(await preview.ended).toBeNull();
    expect((await open(preview))[0]).toBe(GONE);
    expect((await deployment.api<{ items: unknown[] }>('GET', '/traffic-managers')).items).toEqual([]);
  });

  it('reports that it ended by itself when a member removes the preview', async () => {
    const preview = await exposed(service);
    await deployment.apiStatus('DELETE', `/previews/${preview.id}`);
    expect(await preview.ended).toMatchObject({
      code: 'not_found',
      message: expect.stringContaining(preview.url),
    });
    // The check for removed previews comes every ten seconds.
  }, 30_000);

  it('says what is wrong, and leaves nothing behind', async () => {
    vi.stubEnv('CULVERT_API_KEY', 'cvt_wrong-key');
    expect(await failureOf(expose(service))).toMatchObject({ code: 'not_signed_in' });
    vi.stubEnv('CULVERT_API_KEY', '');
    expect(await failureOf(expose(service))).toMatchObject({
      code: 'not_signed_in',
      hint: 'Run "culvert login", or set CULVERT_API_KEY.',
    });
    const closed = createServer().listen(0, '127.0.0.1');
    await once(closed, 'listening');
    const { port } = closed.address() as AddressInfo;
    closed.close();
    const away = { url: `http://localhost:${port}`, apiKey: API_KEY };
    expect(await failureOf(expose(service, away))).toMatchObject({ code: 'unreachable' });
    expect(await failureOf(expose('localhost:0'))).toBeInstanceOf(ClientError);
  });
});

describe('an exposure of several targets', () => {
  it('serves a preview of each over one tunnel, and removes one of them or all', async () => {
    const other = await listen(http.createServer((_request, response) => response.end('other')));
    const settings = readSettings({}, process.env);
    const transport = createHttpClient(undefined);
    const bearer = createBearer(settings, transport);
    const api = createPreviewApi(settings, transport, { bearer, signal: new AbortController().signal });
    const plans: PreviewPlan[] = [service, other].map((server, index) => ({
      name: `target-${index}`,
      target: { host: '127.0.0.1', port: portOf(server), isTls: false },
      settings: { access: 'public', banner: true },
      previewId: null,
    }));
    const shown: ExposedPreview[] = [];
    const exposure = new PreviewExposure({
      url: settings.url,
      ca: undefined,
      bearer,
      api,
      managerId: 'workstation/test/several',
      name: 'several',
      plans,
      onPreview: (_plan, preview) => void shown.push(preview),
      onEnded: () => {},
    });
    await exposure.start();
    const statuses = () =>
      Promise.all(shown.map(async ({ hostname }) => (await visit(deployment.port, hostname, '/')).status));
    expect(await statuses()).toEqual([200, 200]);
    expect((await visit(deployment.port, shown[1]?.hostname ?? '', '/')).body.toString()).toBe('other');
    expect((await deployment.api<{ items: unknown[] }>('GET', '/traffic-managers')).items).toHaveLength(1);
    await exposure.remove(api, plans.slice(0, 1));
    expect(await statuses()).toEqual([GONE, 200]);
    await exposure.remove(api);
    expect(await statuses()).toEqual([GONE, GONE]);
    await exposure.stop(0);
    transport.close();
    other.closeAllConnections();
    other.close();
  });
});

describe('createClient()', () => {
  it('calls the operations of a real server', async () => {
    const client = createClient();
    const preview = await exposed(service);
    expect(await client.getMe()).toMatchObject({ team: { name: expect.any(String) } });
    expect(await client.getPreview({ previewId: preview.id })).toMatchObject({ url: preview.url });
    expect(await client.all('listPreviews', { query: { search: preview.hostname } })).toMatchObject([
      { id: preview.id },
    ]);
    expect(await failureOf(client.getPreview({ previewId: crypto.randomUUID() }))).toMatchObject({
      code: 'not_found',
    });
    client.close();
  });
});
