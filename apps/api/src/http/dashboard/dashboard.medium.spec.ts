import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, type TestPerson } from '../../spec/api-harness.js';
import { DashboardFiles } from './dashboard-files.js';

const SCRIPT = "document.title = 'Culvert';\n";

describe('the dashboard', () => {
  let api: TestApi;
  let person: TestPerson;
  const open = (path: string) => api.http().get(path).set('Cookie', person.cookie);

  beforeAll(async () => {
    api = await TestApi.start();
    person = await api.person('jo@example.test', []);
  });
  afterAll(() => api.close());

  it.each(['/', '/previews', '/previews/new', '/previews/some-id/exchanges', '/api-keys', '/audit-log?x=1'])(
    'is at %s for signed-in people',
    async (path) => {
      const page = await open(path);
      expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
      expect(page.text).toContain('/assets/app-0123abcd.js');
      expect(page.headers['cache-control']).toBe('no-store');
    },
  );

  it.each([
    ['/', '/sign-in'],
    ['/previews/some-id?x=1', '/sign-in?return=%2Fpreviews%2Fsome-id%3Fx%3D1'],
  ])('redirects people who are not signed in from %s to %s', async (path, to) => {
    const response = await api.http().get(path);
    expect([response.status, response.headers['location']]).toEqual([303, to]);
  });

  it('is not served at other paths', async () => {
    for (const path of ['/previewsx', '/start', '/dashboard', '/api/previews', '/assets']) {
      expect([path, (await open(path)).status]).toEqual([path, 404]);
    }
  });

  it.each([
    ['sec-fetch-mode', 'navigate'],
    ['accept', 'text/html,application/xhtml+xml,*/*;q=0.8'],
  ])('has a page for people who open an unknown address, recognized by %s', async (header, value) => {
    for (const path of ['/start', '/previewsx', '/nothing/%ff']) {
      const page = await api.http().get(path).set(header, value);
      expect([path, page.status, page.headers['content-type']]).toEqual([
        path,
        404,
        'text/html; charset=utf-8',
      ]);
      expect(page.text).toContain('<h1>Page not found</h1>');
      expect(page.headers['content-security-policy']).toContain("style-src 'sha256-");
    }
  });

  it.each([
    ['/start', { accept: '*/*' }],
    ['/start', { accept: 'text/html', 'sec-fetch-mode': 'cors' }],
    ['/api/nothing', { accept: 'text/html', 'sec-fetch-mode': 'navigate' }],
  ])('answers programs that ask for %s with a problem', async (path, headers) => {
    const { status, headers: answered } = await api.http().get(path).set(headers);
    expect([status, answered['content-type']]).toEqual([404, 'application/problem+json']);
  });

  it('runs scripts only from our own files, and styles with a fresh nonce', async () => {
    const pages = await Promise.all([open('/'), open('/')]);
    const nonces = pages.map(({ headers, text }) => {
      const policy = headers['content-security-policy'] ?? '';
      expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self' 'nonce-");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toContain('unsafe');
      const nonce = /'nonce-([^']+)'/.exec(policy)?.[1] ?? '';
      expect(Buffer.from(nonce, 'base64')).toHaveLength(16);
      expect(text.match(/nonce="[^"]*"/g)).toEqual([`nonce="${nonce}"`, `nonce="${nonce}"`]);
      return nonce;
    });
    expect(new Set(nonces).size).toBe(2);
  });

  it('lets browsers cache its files forever, since their names change with their content', async () => {
    const file = await api.http().get('/assets/app-0123abcd.js');
    expect([file.status, file.text]).toEqual([200, SCRIPT]);
    expect(file.headers).toMatchObject({
      'content-type': 'text/javascript; charset=utf-8',
      'cache-control': 'public, max-age=31536000, immutable',
      'x-content-type-options': 'nosniff',
    });
  });

  it.each(['index.html', '..%2Findex.html', '%2e%2e%2findex.html', 'constructor', 'app-0123abcd.js.br'])(
    'has no file %s',
    async (name) => {
      const response = await api.http().get(`/assets/${name}`);
      expect([response.status, response.headers['cache-control']]).toEqual([404, 'no-store']);
    },
  );
});

describe('the files of the dashboard', () => {
  const folder = mkdtempSync(join(tmpdir(), 'culvert-dashboard-'));
  const asset = join(folder, 'assets', 'app-0123abcd.js');
  let api: TestApi;

  beforeAll(async () => {
    mkdirSync(join(folder, 'assets'));
    writeFileSync(join(folder, 'index.html'), '<p>{{nonce}}</p>');
    writeFileSync(asset, SCRIPT);
    writeFileSync(`${asset}.br`, brotliCompressSync(SCRIPT));
    writeFileSync(`${asset}.gz`, gzipSync(SCRIPT));
    copyFileSync(asset, join(folder, 'assets', 'app-0123abcd.js.map'));
    api = await TestApi.start({ dashboardFolder: folder });
  });
  afterAll(async () => {
    await api.close();
    rmSync(folder, { recursive: true });
  });

  it.each([
    ['br, gzip, deflate', 'br'],
    ['gzip', 'gzip'],
    ['gzip, br;q=0', 'gzip'],
    ['identity', undefined],
    ['zstd', undefined],
  ])('are sent in their compressed form to clients that accept %s', async (accepted, encoding) => {
    const response = await api
      .http()
      .get('/assets/app-0123abcd.js')
      .set('Accept-Encoding', accepted)
      .buffer(true);
    expect([response.status, response.headers['content-encoding']]).toEqual([200, encoding]);
    expect(response.headers['vary']).toBe('Accept-Encoding');
    expect(response.text).toBe(SCRIPT);
  });

  it('are only scripts, styles and pictures', async () => {
    expect([...(DashboardFiles.read(folder)?.assets.keys() ?? [])]).toEqual(['app-0123abcd.js']);
  });

  it('are missing before the first build, and the page explains it', async () => {
    const unbuilt = await TestApi.start({ dashboardFolder: join(folder, 'nothing') });
    const { cookie } = await unbuilt.person('jo@example.test', []);
    const page = await unbuilt.http().get('/').set('Cookie', cookie);
    expect(page.status).toBe(503);
    expect(page.text).toContain('npm run build');
    await unbuilt.close();
  });
});
