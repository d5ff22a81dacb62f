import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { expectAccessible } from '../support/accessibility.js';
import { launchBrowser } from '../support/browser.js';
import { EXIT, runCulvert, startCulvert } from '../support/cli.js';
import { type Deployment, startDeployment } from '../support/deployment.js';
import type { Program } from '../support/process.js';

/** `culvert login` on a machine without a browser, and a person with a browser elsewhere. */
const OWNER = { email: 'owner@example.test', password: 'correct horse battery' };
const CODE = /\b[B-Z]{4}-[B-Z]{4}\b/;

let deployment: Deployment;
let url: string;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let home: string;

beforeAll(async () => {
  [deployment, browser] = await Promise.all([
    startDeployment({ CULVERT_BOOTSTRAP_EMAIL: OWNER.email, CULVERT_BOOTSTRAP_PASSWORD: OWNER.password }),
    launchBrowser(inject('chromiumPath')),
  ]);
  url = `http://localhost:${deployment.port}`;
});
afterAll(async () => {
  await browser?.close();
  await deployment?.stop();
});
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  // The pages need no script.
  context = await browser.newContext({ javaScriptEnabled: false });
  page = await context.newPage();
});
afterEach(async () => {
  await context.close();
  rmSync(home, { recursive: true, force: true });
});

const file = () => join(home, '.config', 'culvert', 'credentials.json');

/** Starts a sign-in over SSH. Resolves once it shows a code. */
async function startLogin(args: readonly string[] = []): Promise<{ login: Program; code: string }> {
  const login = startCulvert(['login', '--url', url, ...args], {
    HOME: home,
    SSH_CONNECTION: '192.0.2.1 50000 192.0.2.2 22',
  });
  const [code] = await login.logged(CODE);
  await login.logged(/Waiting until you allow it/);
  return { login, code };
}

async function signIn(): Promise<void> {
  await page.getByLabel('Email').fill(OWNER.email);
  await page.getByLabel('Password').fill(OWNER.password);
  await page.getByRole('button', { name: 'Sign in' }).click();
}

describe('signing in on a machine without a browser', () => {
  it('takes a person who is not signed in back to the code, and signs the machine in once they allow it', async () => {
    const { login, code } = await startLogin();
    expect(login.stderr).toContain(`  ${url}/device\n`);
    // As a phone opens it from the QR code.
    await page.goto(`${url}/device?user_code=${code}`);
    await signIn();
    const text = (await page.getByRole('main').textContent()) ?? '';
    for (const part of ['The culvert command', code, hostname(), OWNER.email, '127.0.0.1'])
      expect(text).toContain(part);
    expect(existsSync(file())).toBe(false);
    await page.getByRole('button', { name: 'Allow' }).click();
    expect(await page.getByRole('heading').textContent()).toBe('You are signed in');
    expect((await login.exited).code).toBe(EXIT.ok);
    expect(login.stdout).toContain(`Signed in at ${url} as ${OWNER.email}`);
    expect(login.stdout + login.stderr).not.toMatch(/cvt[adr]_/);

    const whoami = await runCulvert(['whoami', '-o', 'json'], { env: { HOME: home } });
    expect(JSON.parse(whoami.stdout)).toMatchObject({ url, user: { email: OWNER.email }, role: 'owner' });
    // The code works once.
    await page.goto(`${url}/device?user_code=${code}`);
    expect(await page.getByRole('alert').textContent()).toContain('This code does not work');
    const { accessToken } = JSON.parse(readFileSync(file(), 'utf8')).servers[url];
    for (const secret of [code, accessToken]) {
      expect(deployment.program.stdout).not.toContain(secret);
      expect(deployment.program.stderr).not.toContain(secret);
    }
    expect((await runCulvert(['logout'], { env: { HOME: home } })).code).toBe(EXIT.ok);
  });

  it('ends with 4 when the person, who typed the code, refuses', async () => {
    const { login, code } = await startLogin(['--device', '-o', 'json']);
    await page.goto(`${url}/device`);
    await signIn();
    await page.getByLabel('Code').fill('bbbb bbbb');
    await page.getByRole('button', { name: 'Continue' }).click();
    expect(await page.getByRole('alert').textContent()).toContain('This code does not work');
    await page.getByLabel('Code').fill(code.toLowerCase().replace('-', ''));
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    expect(await page.getByRole('heading').textContent()).toBe('The machine was not signed in');
    expect((await login.exited).code).toBe(EXIT.refused);
    expect([login.stdout, login.stderr]).toEqual([
      '',
      expect.stringContaining('you did not let culvert sign in'),
    ]);
    expect(existsSync(file())).toBe(false);
  });

  it('ends at once with Ctrl-C, and stores nothing', async () => {
    const { login } = await startLogin();
    login.kill('SIGINT');
    expect(await login.exited).toEqual({ code: 130, signal: null });
    expect(existsSync(file())).toBe(false);
  });

  it('cannot be allowed by a page of another site, in the browser of a person who is signed in', async () => {
    const { login, code } = await startLogin();
    await page.goto(`${url}/sign-in?return=/device`);
    await signIn();
    const team = (await (await context.request.get(`${url}/api/v1/me`)).json()) as { team: { id: string } };
    const site = http.createServer((_request, response) => {
      response.setHeader('content-type', 'text/html').end(`<form method="post" action="${url}/device">
        <input type="hidden" name="user_code" value="${code}"><input type="hidden" name="decision" value="allow">
        <input type="hidden" name="team" value="${team.team.id}"><button>Win a prize</button></form>`);
    });
    site.listen(0, '127.0.0.1');
    await once(site, 'listening');
    await page.goto(`http://localhost:${(site.address() as AddressInfo).port}/`);
    const [response] = await Promise.all([
      page.waitForResponse(`${url}/device`),
      page.getByRole('button').click(),
    ]);
    expect(response.status()).toBe(403);
    site.closeAllConnections();
    site.close();
    // It still waits, and its person can allow it.
    await page.goto(`${url}/device?user_code=${code}`);
    await page.getByRole('button', { name: 'Allow' }).click();
    expect((await login.exited).code).toBe(EXIT.ok);
  });

  it('is announced by the metadata of the OAuth server', async () => {
    const response = await fetch(`${url}/.well-known/oauth-authorization-server`);
    expect(await response.json()).toMatchObject({
      issuer: url,
      device_authorization_endpoint: `${url}/device_authorization`,
    });
  });

  it('has pages that are accessible', async () => {
    const { login, code } = await startLogin();
    const scripted = await browser.newContext();
    page = await scripted.newPage();
    await page.goto(`${url}/sign-in?return=/device`);
    await signIn();
    await page.waitForURL(`${url}/device`);
    await expectAccessible(page);
    await page.goto(`${url}/device?user_code=x`);
    await expectAccessible(page);
    await page.goto(`${url}/device?user_code=${code}`);
    await expectAccessible(page);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await expectAccessible(page);
    await scripted.close();
    expect((await login.exited).code).toBe(EXIT.refused);
  });
});
