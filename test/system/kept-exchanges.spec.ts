import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KeptExchangePage } from '@culvert/contract';
import { KeyRing } from '@culvert/sealing';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT, runCulvert } from '../support/cli.js';
import { createDatabase } from '../support/database.js';
import { API_KEY, type Deployment, visit } from '../support/deployment.js';
import { type SplitDeployment, startSplit } from '../support/split-deployment.js';

const SECRET = 'S3CR3Tvalue0123456789';

/** Kept exchanges where edges and the API are separate processes on Postgres. */
describe('kept exchanges of a deployment', () => {
  let split: SplitDeployment;
  let deployment: Deployment;
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let service: http.Server;
  let servicePort: number;

  beforeAll(async () => {
    service = http
      .createServer((request, response) => {
        request.resume().on('end', () => {
          response.setHeader('set-cookie', `sid=${SECRET}`);
          response.setHeader('content-type', request.url === '/page' ? 'text/html' : 'application/json');
          response.end(
            request.url === '/page' ? '<!doctype html><body>hello' : `{"pin":"${SECRET}","fruit":"plum"}`,
          );
        });
      })
      .listen(0, '127.0.0.1');
    await once(service, 'listening');
    servicePort = (service.address() as AddressInfo).port;
    database = await createDatabase();
    const env = { ENCRYPTION_KEYS: KeyRing.generate(), LAME_DUCK_MS: '0' };
    split = await startSplit({ edges: 1, env, edgeEnv: env, database });
    ({ deployment } = split);
    await deployment.startManager();
    const keepPolicy = { maxCount: 100, maxHours: 24, bodies: true, redactedNames: ['pin'] };
    await deployment.api('PATCH', '/team', { keepPolicy });
  });
  afterAll(async () => {
    await split?.stop();
    service?.closeAllConnections();
    service?.close();
    await database?.drop();
  });

  const send = (url: string, target: string) =>
    visit(split.ports[0], new URL(url).host, target, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${SECRET}`,
        cookie: `sid=${SECRET}`,
        'content-type': 'application/x-www-form-urlencoded',
      },
      body: `pin=${SECRET}&color=green`,
    });
  const list = (previewId: string, query = '') =>
    deployment.api<KeptExchangePage>('GET', `/previews/${previewId}/kept-exchanges${query}`);
  const targets = async (previewId: string, query = '') =>
    (await list(previewId, query)).items.map(({ exchange }) => exchange?.target);

  it('have no secret in the database, and can be read by the team', async () => {
    const preview = await deployment.createPreview(servicePort, { keep: { count: 3, hours: 1 } });
    for (const n of [1, 2, 3, 4]) await send(preview.url, `/${n}?token=${SECRET}&pin=${SECRET}`);
    await expect.poll(() => targets(preview.id)).toHaveLength(3);
    await expect.poll(() => targets(preview.id, '?text=/4')).toHaveLength(1);
    const { items } = await list(preview.id, '?bodies=true&text=plum');
    expect(items).toHaveLength(3);
    expect(JSON.stringify(items)).not.toContain(SECRET);
    const { request, response } = items[0].bodies!;
    expect(Buffer.from(request!.base64, 'base64').toString()).toBe('pin=***&color=green');
    expect(Buffer.from(response!.base64, 'base64').toString()).toBe('{"pin":"***","fruit":"plum"}');

    // The whole table as text, in which bytes are hexadecimal.
    const client = new Client(database.url);
    await client.connect();
    const { rows } = await client.query<{ dump: string }>(
      `SELECT string_agg(k::text, E'\\n') AS dump FROM kept_exchange k`,
    );
    await client.end();
    const dump = rows[0].dump;
    for (const text of [SECRET, 'plum', 'green', 'authorization', '/4?token'])
      for (const encoded of [
        text,
        Buffer.from(text).toString('hex'),
        Buffer.from(text).toString('base64').slice(0, -4),
      ])
        if (encoded.length > 3) expect(dump.includes(encoded)).toBe(false);
  });

  it('begin and end with the setting of the preview, and its pages say so', async () => {
    const preview = await deployment.createPreview(servicePort, { displayBanner: false });
    const page = async () =>
      (
        await visit(split.ports[0], new URL(preview.url).host, '/page', { headers: { accept: 'text/html' } })
      ).body.toString();
    expect(await page()).not.toContain('culvert-banner');
    await deployment.api('PATCH', `/previews/${preview.id}`, { keep: { count: 5, hours: 1 } });
    await expect.poll(page).toContain('The team keeps a record of requests.');
    await expect.poll(() => targets(preview.id)).toContain('/page');
    await deployment.api('PATCH', `/previews/${preview.id}`, { keep: null });
    await expect.poll(page).not.toContain('culvert-banner');
    expect(await targets(preview.id)).toEqual([]);
  });

  it('are set up, searched and saved to a file with commands', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    const env = { HOME: folder, CULVERT_URL: `http://localhost:${split.ports[0]}`, CULVERT_API_KEY: API_KEY };
    const culvert = (...args: string[]) => runCulvert(args, { env });
    const succeed = async (...args: string[]) => {
      const { code, stdout, stderr } = await culvert(...args);
      expect([args, code, stderr]).toEqual([args, EXIT.ok, expect.any(String)]);
      return stdout;
    };
    const policy = ['--keep', '50', '--keep-for', '2d', '--no-keep-bodies', '--keep-redact', 'pin'];
    expect(await succeed('team', 'settings', ...policy)).toMatch(
      /^Previews can keep +their last 50 requests for 48 h, without bodies\nNever kept +.*authorization.*, pin$/im,
    );
    const { id, url } = await deployment.createPreview(servicePort);
    expect((await culvert('preview', 'update', id, '--keep', '51')).code).not.toBe(EXIT.ok);
    const keep = ['--keep', '20', '--keep-for', '24h'];
    expect(JSON.parse(await succeed('preview', 'update', id, ...keep, '-o', 'json'))).toMatchObject({
      keep: { count: 20, hours: 24 },
    });
    await expect
      .poll(async () => {
        await send(url, '/orders?page=1');
        return targets(id);
      })
      .toContain('/orders?page=1');
    await send(url, '/page');
    await expect.poll(() => targets(id)).toContain('/page');

    const text = await succeed('inspect', id, '--kept', '--path', '/page');
    expect(text).toMatch(/POST .*\/page.* 200|200 .*POST .*\/page/);
    expect(text).not.toContain('/orders');
    expect(JSON.parse(await succeed('inspect', id, '--kept', '--status', '5xx', '-o', 'json'))).toEqual([]);
    expect(await succeed('inspect', id, '--kept', '--from', '1h', '--count', '1')).toMatch(/\/page/);
    expect(await succeed('inspect', id, '--kept', '--host', 'elsewhere')).toBe('No kept requests match.\n');
    const file = join(folder, 'kept.har');
    await succeed('inspect', id, '--kept', '--path', '/orders*', '--har', file);
    const { log } = JSON.parse(readFileSync(file, 'utf8')) as {
      log: { entries: { request: { url: string } }[] };
    };
    expect(new Set(log.entries.map(({ request }) => request.url))).toEqual(new Set([`${url}/orders?page=1`]));
    for (const wrong of [
      ['inspect', id, '--host', 'shop'],
      ['inspect', id, '--kept', '--har', file, '--count', '1'],
      ['team', 'settings', '--no-keep', '--keep-for', '1h'],
    ])
      expect([wrong, (await culvert(...wrong)).code]).toEqual([wrong, EXIT.usage]);

    expect(await succeed('preview', 'update', id, '--no-keep', '-o', 'json')).toContain('"keep": null');
    expect(await targets(id)).toEqual([]);
    expect(await succeed('team', 'settings', '--no-keep')).toMatch(/^Previews can keep +no requests$/m);
    expect((await culvert('preview', 'update', id, '--keep', '1')).code).not.toBe(EXIT.ok);
    rmSync(folder, { recursive: true });
  });
});
