import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { generateSecret, hashApiKeySecret, hashSecret, SCOPES } from '@culvert/domain';
import { createStore } from '@culvert/store';
import { createTestCertificate, TelepresenceClient } from '@culvert/testkit';
import type { Browser, BrowserContext } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { launchBrowser } from '../support/browser.js';
import { createDatabase } from '../support/database.js';
import { API_KEY, type Preview } from '../support/deployment.js';
import { type Program, startProgram } from '../support/process.js';

/** Telepresence's client signs in through a browser, over TLS, and its keys then do what Telepresence needs. */
const certificate = createTestCertificate(['localhost', '*.preview.localhost']);
const sessionToken = generateSecret();
let directory: string;
let ingress: http.Server;
let standalone: Program;
let manager: Program;
let url: string;
let browser: Browser;
let context: BrowserContext;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  const file = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content, { mode: 0o600 });
    return join(directory, name);
  };
  ingress = http.createServer((_request, response) => response.end('behind the preview'));
  ingress.listen(0, '127.0.0.1');
  await once(ingress, 'listening');

  // A person who is already signed in.
  const database = await createDatabase();
  const store = await createStore({ databaseUrl: database.url, dataDir: 'memory' });
  const first = await store.bootstrap.createFirst({
    teamName: 'Shop',
    email: 'ada@example.test',
    passwordHash: '',
    apiKey: {
      name: 'test',
      hint: 'test',
      hash: hashApiKeySecret(API_KEY),
      scopes: SCOPES,
      expiresAt: null,
    },
  });
  await store.userSessions.create({
    userId: first?.owner.id ?? '',
    tokenHash: hashSecret(sessionToken),
    at: new Date(),
    address: null,
    userAgent: '',
  });
  await store.close();

  const ca = file('edge.crt', certificate.cert);
  standalone = startProgram('apps/standalone/src/main.js', {
    PORT: '0',
    DATABASE_URL: database.url,
    TLS_CERT_FILE: ca,
    TLS_KEY_FILE: file('edge.key', certificate.key),
  });
  [url = ''] = (await standalone.line(/https:\/\/localhost:\d+/m)) as unknown as string[];
  manager = startProgram('apps/traffic-manager/src/main.js', {
    CULVERT_URL: url,
    CULVERT_API_KEY: API_KEY,
    CULVERT_MANAGER_ID: 'login',
    CULVERT_CA_FILE: ca,
  });
  await manager.logged(/connected/i);
  browser = await launchBrowser(inject('chromiumPath'), ['--ignore-certificate-errors']);
  context = await browser.newContext();
  await context.addCookies([
    {
      name: '__Host-culvert-session',
      value: sessionToken,
      url,
      secure: true,
      httpOnly: true,
      sameSite: 'Lax',
    },
  ]);
});

afterAll(async () => {
  await browser?.close();
  await manager?.stop();
  await standalone?.stop();
  ingress?.closeAllConnections();
  ingress?.close();
  rmSync(directory, { recursive: true, force: true });
});

/** Returns status and body of a request to a preview, with or without a key. */
function visit(hostname: string, key?: string): Promise<[number, string]> {
  return new Promise((resolve, reject) => {
    const { port, host } = new URL(url);
    const sent = https.request(
      {
        host: '127.0.0.1',
        port,
        servername: hostname,
        ca: certificate.cert,
        agent: false,
        headers: {
          host: host.replace('localhost', hostname),
          ...(key === undefined ? {} : { 'x-ambassador-api-key': key }),
        },
      },
      (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('error', reject);
        response.on('end', () => resolve([response.statusCode ?? 0, body]));
      },
    );
    sent.on('error', reject);
    sent.end();
  });
}

describe('signing in by Telepresence', () => {
  it.each(['2.0.0', '2.3.7', '2.8.5'])('signs %s in through a browser', async (version) => {
    const client = new TelepresenceClient({ version, url, ca: certificate.cert });
    const page = await context.newPage();
    const completed = page.waitForURL(`${url}/completion`);
    await client.login((address) => {
      void page.goto(address).then(() => page.getByRole('button', { name: 'Allow' }).click());
    });
    await completed;
    expect(await page.getByRole('heading').textContent()).toBe('You are signed in');
    expect(client.userInfo).toMatchObject({ email: 'ada@example.test', accountName: 'Shop' });
    await page.close();
  });

  it('shows Docker Desktop, and the person, that they did not agree', async () => {
    const client = new TelepresenceClient({
      version: '2.8.5',
      url,
      ca: certificate.cert,
      clientId: 'docker-desktop',
    });
    const page = await context.newPage();
    let refused = Promise.resolve();
    const login = client.login((address) => {
      refused = page.goto(address).then(() => page.getByRole('button', { name: 'Cancel' }).click());
    });
    await expect(login).rejects.toThrow('access_denied');
    expect(client.tokenRequests).toBe(0);
    // The browser may not have shown the answer yet: a page that is closed while it navigates may never report it.
    await refused;
    await page.waitForURL(/\/callback\?error=/);
    await page.close();
  });

  it('makes people who are not signed in do so first', async () => {
    const client = new TelepresenceClient({ version: '2.8.5', url, ca: certificate.cert });
    const query = new URLSearchParams({ client_id: 'telepresence-cli', response_type: 'code' });
    const { status, headers } = await client.request('GET', `/auth?${query.toString()}`);
    expect([status, headers.location?.startsWith('/sign-in?return=%2Fauth%3F')]).toEqual([303, true]);
  });

  it('opens a private preview with the key that it creates for its agents, until that is revoked', async () => {
    const client = new TelepresenceClient({ version: '2.8.5', url, ca: certificate.cert });
    await client.loginWithApiKey(API_KEY);
    const call = (method: string, path: string, body?: object) =>
      client.request(method, `/api/v1${path}`, {
        headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const created = await call('POST', '/previews', {
      intercept: { name: 'shop', workload: 'shop', namespace: 'default' },
      ingress: { host: '127.0.0.1', port: (ingress.address() as AddressInfo).port },
      access: 'team',
    });
    const { hostname } = JSON.parse(created.body.toString()) as Preview;
    const key = await client.apiKey('agent-http');
    expect((await visit(hostname))[0]).toBe(401);
    expect(await visit(hostname, key)).toEqual([200, 'behind the preview']);
    const list = JSON.parse((await call('GET', '/api-keys?limit=1')).body.toString()) as {
      items: { id: string }[];
    };
    expect((await call('DELETE', `/api-keys/${list.items[0]?.id}`)).status).toBe(204);
    expect((await visit(hostname, key))[0]).toBe(401);
  });
});
