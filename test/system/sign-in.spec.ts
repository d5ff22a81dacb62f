import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestCertificate } from '@culvert/testkit';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { launchBrowser } from '../support/browser.js';
import { createDatabase } from '../support/database.js';
import { API_KEY } from '../support/deployment.js';
import {
  listenForOpenId,
  startGithub,
  type GithubTestServer,
  type OpenIdTestProvider,
} from '../support/identity-providers.js';
import { type Program, startProgram } from '../support/process.js';

/** People in a real browser, over TLS, with real providers and a real mail server. */
const OWNER = { email: 'owner@example.test', password: 'correct horse battery' };
const OIDC = { id: 'culvert', secret: 'secret-of-the-openid-client' };
const GITHUB = { id: 'Iv1.culvert', secret: 'secret-of-the-github-app' };

let directory: string;
let openId: OpenIdTestProvider;
let github: GithubTestServer;
let smtp: SMTPServer;
const mails: string[] = [];
let mailArrived = (): void => {};
let foreign: http.Server;
let standalone: Program;
let url: string;
let browser: Browser;
let context: BrowserContext;
let page: Page;

const newContext = (options: { javaScriptEnabled?: boolean } = {}) =>
  browser.newContext({ ignoreHTTPSErrors: true, ...options });
/** A page outside the dashboard, which loads slowly. */
const ACCOUNT = '/account';
const signIn = async (on: Page, { email, password } = OWNER, path = `/sign-in?return=${ACCOUNT}`) => {
  await on.goto(url + path);
  await on.getByLabel('Email').fill(email);
  await on.getByLabel('Password').fill(password);
  await on.getByRole('button', { name: 'Sign in' }).click();
};
const signInAtOpenId = async (on: Page, name: string) => {
  await on.goto(`${url}/sign-in?return=${ACCOUNT}`);
  await on.getByRole('link', { name: 'Sign in with Example ID' }).click();
  await on.locator('input[name=login]').fill(name);
  await on.locator('input[name=password]').fill('any');
  await on.locator('[type=submit]').click();
  await on.locator('[type=submit]').click();
};
interface Me {
  readonly status: number;
  readonly user?: { id: string; email: string };
  readonly teams?: { role: string }[];
}
const me = async (on: BrowserContext): Promise<Me> => {
  const response = await on.request.get(`${url}/api/v1/me`);
  return { status: response.status(), ...((await response.json()) as object) };
};

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  const certificate = createTestCertificate(['localhost', '*.preview.localhost']);
  const file = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content, { mode: 0o600 });
    return join(directory, name);
  };
  openId = await listenForOpenId();
  github = await startGithub(GITHUB, {
    id: 17,
    login: 'octo',
    emails: [
      { email: 'old@example.test', primary: false, verified: true },
      { email: 'Octo@Example.test', primary: true, verified: true },
    ],
    orgs: ['Acme'],
  });
  smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    onData(stream, _session, done) {
      let mail = '';
      stream.setEncoding('utf8').on('data', (text: string) => (mail += text));
      stream.on('end', () => {
        // Quoted-printable (RFC 2045 §6.7).
        mails.push(mail.replace(/=\r?\n/g, '').replaceAll('=3D', '='));
        mailArrived();
        done();
      });
    },
  });
  const smtpListener = smtp.listen(0, '127.0.0.1');
  await once(smtpListener, 'listening');
  standalone = startProgram('apps/standalone/src/main.js', {
    PORT: '0',
    DATABASE_URL: (await createDatabase()).url,
    CULVERT_BOOTSTRAP_API_KEY: API_KEY,
    CULVERT_BOOTSTRAP_EMAIL: OWNER.email,
    CULVERT_BOOTSTRAP_PASSWORD: OWNER.password,
    TLS_CERT_FILE: file('edge.crt', certificate.cert),
    TLS_KEY_FILE: file('edge.key', certificate.key),
    SMTP_URL: `smtp://127.0.0.1:${(smtpListener.address() as AddressInfo).port}`,
    MAIL_FROM: 'Culvert <culvert@example.test>',
    OIDC_ISSUER: openId.url,
    OIDC_CLIENT_ID: OIDC.id,
    OIDC_CLIENT_SECRET: OIDC.secret,
    OIDC_NAME: 'Example ID',
    OIDC_SCOPE: 'openid email profile groups',
    GITHUB_CLIENT_ID: GITHUB.id,
    GITHUB_CLIENT_SECRET: GITHUB.secret,
    GITHUB_URL: github.url,
    GITHUB_API_URL: github.url,
    SIGN_IN_TEAMS: 'group:engineers=first:admin, org:acme=first:member, domain:staff.example=first:member',
  });
  const [, port] = await standalone.line(/^Dashboard +https:\/\/localhost:(\d+)/m);
  url = `https://localhost:${port}`;
  openId.serve(
    { ...OIDC, redirectUri: `${url}/sign-in/oidc/callback` },
    {
      ann: { email: 'ann@example.test', email_verified: true, groups: ['engineers'] },
      owner: { email: OWNER.email, email_verified: true },
      mallory: { email: OWNER.email, email_verified: false },
    },
  );
  // A page of another site that makes the browser post to us.
  foreign = http.createServer((_request, response) => {
    response
      .setHeader('content-type', 'text/html')
      .end(`<form method="post" action="${url}/sign-out"><button>Win a prize</button></form>`);
  });
  foreign.listen(0, '127.0.0.1');
  await once(foreign, 'listening');
  browser = await launchBrowser(inject('chromiumPath'), [
    '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1',
  ]);
  context = await newContext();
  page = await context.newPage();
});

afterAll(async () => {
  await browser?.close();
  await standalone?.stop();
  await openId?.close();
  await github?.close();
  foreign?.closeAllConnections();
  foreign?.close();
  await new Promise<void>((resolve) => smtp?.close(() => resolve()));
  rmSync(directory, { recursive: true, force: true });
});

// One page, since each costs a process, in a browser without a session at the beginning of a test.
beforeEach(async () => {
  // A dashboard that is still open would go to /sign-in by itself and disturb the test.
  await page.goto('about:blank');
  await context.clearCookies();
});

describe('a person in a browser', () => {
  it('signs in and out with a password, without a script', async () => {
    const plain = await newContext({ javaScriptEnabled: false });
    const tab = await plain.newPage();
    await tab.goto(`${url}/account`);
    expect(tab.url()).toBe(`${url}/sign-in?return=%2Faccount`);
    await signIn(tab, { ...OWNER, password: 'wrong' });
    expect(await tab.getByRole('alert').textContent()).toContain('is wrong');
    expect((await me(plain)).status).toBe(401);
    await signIn(tab, OWNER, '/sign-in?return=%2Faccount');
    await tab.waitForURL(`${url}/account`);
    expect(await tab.textContent('main')).toContain(OWNER.email);

    const [cookie] = await plain.cookies(url);
    expect(cookie).toMatchObject({
      name: '__Host-culvert-session',
      path: '/',
      httpOnly: true,
      secure: true,
      sameSite: 'Lax',
    });
    expect(await me(plain)).toMatchObject({ status: 200, user: { email: OWNER.email } });
    await tab.getByRole('button', { name: 'Sign out' }).click();
    await tab.waitForURL(`${url}/sign-in?notice=signed-out`);
    // The token itself is invalid, not only forgotten by the browser.
    await plain.addCookies([cookie]);
    expect((await me(plain)).status).toBe(401);
    await plain.close();
  });

  it('gets a new token at each sign-in, and returns to the requested page, on this host only', async () => {
    await signIn(page, OWNER, '/sign-in?return=%2Fapi%2Fproblems%2Fnot_found');
    await page.waitForURL(`${url}/api/problems/not_found`);
    const token = async () =>
      (await context.cookies(url)).find(({ name }) => name.includes('session'))?.value;
    const first = await token();
    await context.request.post(`${url}/api/v1/sign-in`, { data: OWNER });
    expect(await token()).not.toBe(first);
    await page.goto(`${url}/sign-in?return=//evil.example/`);
    expect(page.url()).toBe(`${url}/`);
  });

  it('is protected from requests that a page of another site makes', async () => {
    await signIn(page);
    await page.waitForURL(url + ACCOUNT);
    await page.goto(`http://127.0.0.1:${(foreign.address() as AddressInfo).port}/`);
    const [response] = await Promise.all([
      page.waitForResponse(`${url}/sign-out`),
      page.getByRole('button', { name: 'Win a prize' }).click(),
    ]);
    expect(response.status()).toBe(403);
    expect((await me(context)).status).toBe(200);
  });

  it('must wait after ten wrong passwords', async () => {
    const guesses = await Promise.all(
      Array.from({ length: 12 }, (_, n) =>
        context.request.post(`${url}/api/v1/sign-in`, {
          data: { email: 'victim@example.test', password: `guess ${n}` },
        }),
      ),
    );
    expect(guesses.filter((guess) => guess.status() === 401)).toHaveLength(10);
    // The browser may use another address of this machine, from which guesses are counted separately.
    for (let n = 0; n < 11; n++) await signIn(page, { email: 'victim@example.test', password: 'x' });
    expect(await page.getByRole('alert').textContent()).toContain('Too many attempts');
  });

  it('ends its other sessions at once', async () => {
    const other = await newContext();
    const otherPage = await other.newPage();
    await signIn(otherPage);
    await otherPage.waitForURL(url + ACCOUNT);
    await signIn(page, OWNER, '/sign-in?return=/api/docs');
    await page.waitForURL(`${url}/api/docs`);
    const status = await page.evaluate(
      async () => (await fetch('/api/v1/me/sessions', { method: 'DELETE' })).status,
    );
    expect(status).toBe(204);
    expect((await me(other)).status).toBe(401);
    expect((await me(context)).status).toBe(200);
    await other.close();
  });
});

describe('a person with an OpenID provider', () => {
  it('signs in as a member of the team that their group assigns', async () => {
    await signInAtOpenId(page, 'ann');
    await page.waitForURL(url + ACCOUNT);
    const first = await me(context);
    expect(first).toMatchObject({ user: { email: 'ann@example.test' }, teams: [{ role: 'admin' }] });
    expect((await context.cookies(url)).map(({ name }) => name)).toEqual(['__Host-culvert-session']);
    await page.getByRole('button', { name: 'Sign out' }).click();
    // The provider still knows the browser.
    await page.getByRole('link', { name: 'Sign in with Example ID' }).click();
    await page.waitForURL(`${url}/`);
    expect((await me(context)).user?.id).toBe(first.user?.id);
  });

  it('is recognized by an address that the provider verified, and refused otherwise', async () => {
    const other = await newContext();
    const tab = await other.newPage();
    await signIn(tab);
    await tab.waitForURL(url + ACCOUNT);
    await signInAtOpenId(page, 'owner');
    await page.waitForURL(url + ACCOUNT);
    expect((await me(context)).user?.id).toBe((await me(other)).user?.id);
    await other.clearCookies();
    await signInAtOpenId(tab, 'mallory');
    await tab.getByRole('heading', { name: 'Sign-in failed' }).waitFor();
    expect(await tab.textContent('main')).toContain('not verified');
    expect((await me(other)).status).toBe(401);
    await other.close();
  });
});

describe('a person with GitHub', () => {
  it('signs in by the verified primary address as a member of the team that the organization assigns', async () => {
    await page.goto(`${url}/sign-in`);
    await page.getByRole('link', { name: 'Sign in with GitHub' }).click();
    await page.waitForURL(`${url}/`);
    expect(await me(context)).toMatchObject({
      user: { email: 'octo@example.test' },
      teams: [{ role: 'member' }],
    });
  });

  it('is not signed in by an answer that another browser asked for', async () => {
    const next = async (address: string) =>
      (await context.request.get(address, { maxRedirects: 0 })).headers()['location'] ?? '';
    const answer = await next(await next(`${url}/sign-in/github`));
    expect(answer).toContain(`${url}/sign-in/github/callback?code=`);
    const other = await newContext();
    const tab = await other.newPage();
    expect((await tab.goto(answer))?.status()).toBe(401);
    // Not even if that browser has begun an attempt of its own.
    await other.request.get(`${url}/sign-in/github`, { maxRedirects: 0 });
    expect((await tab.goto(answer))?.status()).toBe(401);
    expect((await me(other)).status).toBe(401);
    await page.goto(answer);
    expect((await me(context)).status).toBe(200);
    await other.close();
  });

  it('is refused if GitHub has not verified the address', async () => {
    github.current = {
      id: 18,
      login: 'mallory',
      emails: [{ email: OWNER.email, primary: true, verified: false }],
      orgs: ['acme'],
    };
    const response = await page.goto(`${url}/sign-in/github`);
    expect(response?.status()).toBe(401);
    expect(await page.textContent('main')).toContain('not verified');
    expect((await me(context)).status).toBe(401);
  });
});

describe('a person who forgot the password', () => {
  it('sets a new password by the link in a mail', async () => {
    const arrival = new Promise<void>((resolve) => (mailArrived = resolve));
    await page.goto(`${url}/sign-in`);
    await page.getByRole('link', { name: 'Forgot your password?' }).click();
    await page.getByLabel('Email').fill(OWNER.email);
    await page.getByRole('button', { name: 'Send me a link' }).click();
    await page.getByRole('status').waitFor();
    await arrival;
    const mail = mails.at(-1) ?? '';
    expect(mail).toMatch(/^To: owner@example\.test\r?$/m);
    const link = /https:\/\/\S+\/reset-password\?token=[\w-]{43}/.exec(mail)?.[0] ?? '';
    await page.goto(link);
    await page.getByLabel('New password').fill('a password of my own');
    await page.getByRole('button', { name: 'Set password' }).click();
    await signIn(page, { email: OWNER.email, password: 'a password of my own' });
    await page.waitForURL(url + ACCOUNT);
    const again = await page.goto(link);
    expect(again?.status()).toBe(404);
    // Neither the log of the server nor its output contains a person's secret.
    const output = standalone.stderr + standalone.stdout.replace(/^Sign in.*$/m, '');
    for (const secret of [
      new URL(link).searchParams.get('token')!,
      'a password of my own',
      OIDC.secret,
      GITHUB.secret,
    ]) {
      expect(output).not.toContain(secret);
    }
  });
});

describe('a person invited by mail', () => {
  it('joins the team after setting a password by a second mail, which only the invited person gets', async () => {
    const nextLink = async (act: () => Promise<unknown>): Promise<string> => {
      const arrival = new Promise<void>((resolve) => (mailArrived = resolve));
      await act();
      await arrival;
      return /https:\/\/\S+token=\S+/.exec(mails.at(-1) ?? '')?.[0] ?? '';
    };
    const invitation = await nextLink(() =>
      context.request.post(`${url}/api/v1/team/invitations`, {
        headers: { authorization: `Bearer ${API_KEY}` },
        data: { email: 'new@example.test', role: 'member' },
      }),
    );
    await page.goto(invitation);
    const setPassword = await nextLink(() => page.getByRole('button', { name: 'Mail me a link' }).click());
    await page.goto(setPassword);
    await page.getByLabel('New password').fill('a password of my own');
    await page.getByRole('button', { name: 'Set password and join Default' }).click();
    await page.waitForURL(`${url}/`);
    expect(await me(context)).toMatchObject({
      user: { email: 'new@example.test' },
      teams: [{ role: 'member' }],
    });
    for (const link of [invitation, setPassword]) expect((await page.goto(link))?.status()).toBe(404);
    await context.clearCookies();
    await signIn(page, { email: 'new@example.test', password: 'a password of my own' });
    await page.waitForURL(url + ACCOUNT);
  });
});
