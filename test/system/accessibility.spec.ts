import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { createTestDatabase, type TestDatabase } from '@culvert/testkit';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { expectAccessible, tabTo } from '../support/accessibility.js';
import { launchBrowser } from '../support/browser.js';
import { type Deployment, type Preview, startDeployment } from '../support/deployment.js';

/** Accessibility of every page that the servers render themselves, in a real browser. */
const OWNER = { email: 'owner@example.test', password: 'correct horse battery' };
const INVITED = 'new@example.test';

let database: TestDatabase;
let deployment: Deployment;
let service: http.Server;
let app: string;
let browser: Browser;
let context: BrowserContext;
let page: Page;
let previews: Record<'private' | 'busy' | 'refused' | 'closed' | 'away' | 'banner', Preview>;
let invitation: string;
let release = (): void => {};

beforeAll(async () => {
  service = http.createServer((request, response) => {
    if (request.url === '/held') {
      release = () => response.end();
      response.writeHead(200, { 'content-type': 'text/html' }).write('<title>held</title>held');
    } else if (request.url === '/cut') {
      request.socket.destroy();
    } else {
      response.setHeader('content-type', 'text/html; charset=utf-8');
      response.end(
        `<!doctype html><html lang="en"><link rel=icon href="data:,"><title>Shop</title>
        <meta name=viewport content="width=device-width"><style>:root{color-scheme:light dark}</style>
        <main><h1>Shop</h1><p>Things to buy.</p></main>`,
      );
    }
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  database = await createTestDatabase(inject('databaseUrl'));
  [browser, deployment] = await Promise.all([
    launchBrowser(inject('chromiumPath')),
    startDeployment({
      DATABASE_URL: database.url,
      CULVERT_BOOTSTRAP_EMAIL: OWNER.email,
      CULVERT_BOOTSTRAP_PASSWORD: OWNER.password,
      GITHUB_CLIENT_ID: 'Iv1.culvert',
      GITHUB_CLIENT_SECRET: 'secret-of-the-github-app',
      MANAGER_WAIT_MS: '0',
      MAX_REQUESTS_PER_PREVIEW: '1',
    }),
  ]);
  app = `http://localhost:${deployment.port}`;
  await deployment.startManager();
  const { port } = service.address() as AddressInfo;
  const connected = await deployment.createPreview(port);
  const { trafficManagerId } = connected;
  const away = await deployment.api<{ id: string }>('POST', '/traffic-managers', { managerId: 'away' });
  const make = (ingressPort: number, more: Record<string, unknown> = {}): Promise<Preview> =>
    deployment.createPreview(ingressPort, { trafficManagerId, ...more });
  previews = {
    private: await make(port, { access: 'team' }),
    busy: connected,
    // Nothing listens on port 1.
    refused: await make(1),
    closed: await make(port),
    away: await make(port, { trafficManagerId: away.id }),
    banner: await make(port, {
      displayBanner: true,
      pullRequestUrl: 'https://git.test/acme/shop/pull/12',
      intercept: {
        name: 'a-service-with-a-rather-long-name',
        workload: 'a-service-with-a-rather-long-name',
        namespace: 'a-namespace-with-a-rather-long-name',
        client: 'somebody@a-laptop-with-a-rather-long-name',
      },
    }),
  };
  ({ token: invitation } = await deployment.api<{ token: string }>('POST', '/team/invitations', {
    email: INVITED,
  }));

  // Two teams: the person must choose one for a program that signs in.
  context = await browser.newContext();
  await asOwner();
  await context.request.post(`${app}/api/v1/teams`, { data: { name: 'Second' }, headers: { origin: app } });
  page = await context.newPage();
});

afterAll(async () => {
  await browser?.close();
  release();
  await deployment?.stop();
  service?.closeAllConnections();
  service?.close();
  await database?.drop();
});

// One page, since each costs a process, in a browser without a session at the beginning of a test.
beforeEach(async () => {
  // A dashboard that is still open would go to /sign-in by itself and disturb the test.
  await page.goto('about:blank');
  await context.clearCookies();
});
afterEach(() => page.unrouteAll());

/** Signs this browser in. */
const asOwner = async (): Promise<void> => {
  const signIn = { form: OWNER, headers: { origin: app }, maxRedirects: 0 };
  expect((await context.request.post(`${app}/sign-in`, signIn)).status()).toBe(303);
};
const heading = (name: string) => page.getByRole('heading', { level: 1, name, exact: true });
const type = async (label: string, text: string): Promise<void> => {
  await tabTo(page, page.getByLabel(label));
  await page.keyboard.type(text);
};
const press = async (name: string): Promise<void> => {
  await tabTo(page, page.getByRole('button', { name, exact: true }));
  await page.keyboard.press('Enter');
};
/** Stops a page from reloading itself. */
const stay = () => page.route('**', (route) => route.abort('aborted'));
/** Returns the address at which the program listens that signs in. */
const callback = (): string => `http://localhost:${(service.address() as AddressInfo).port}/callback`;
const consent = (clientId: string): string =>
  `${app}/auth?client_id=${clientId}&redirect_uri=${callback()}&response_type=code` +
  `&code_challenge=${'a'.repeat(43)}&code_challenge_method=S256`;

describe('a page on the app host', () => {
  it.each([
    ['Sign in', () => '/sign-in'],
    ['Sign in', () => '/sign-in?notice=signed-out'],
    ['Set a new password', () => '/reset-password'],
    ['This link no longer works', () => '/reset-password?token=x'],
    ['Join Default', () => `/invitations?token=${invitation}`],
    ['This invitation no longer works', () => '/invitations?token=x'],
    ['You are signed in', () => '/completion'],
  ])('with the title %s is accessible', async (title, path) => {
    await page.goto(app + path());
    await heading(title).waitFor();
    await expectAccessible(page);
  });

  it.each([
    ['This program cannot sign in', () => consent('unknown')],
    ['Join Default', () => `${app}/invitations?token=${invitation}`],
    ['Page not found', () => `${app}/preview-access?host=x`],
  ])('with the title %s is accessible to a signed-in person', async (title, at) => {
    await asOwner();
    await page.goto(at());
    await heading(title).waitFor();
    await expectAccessible(page);
  });

  it('with the documentation of the API has a language and a title', async () => {
    await page.goto(`${app}/api/docs`);
    await page.locator('#docs').getByRole('main').waitFor();
    await expectAccessible(page, ['#docs']);
  });

  it('to sign in is filled in by keyboard alone, and shows errors', async () => {
    await page.goto(`${app}/sign-in?return=${encodeURIComponent('/completion')}`);
    await type('Email', OWNER.email);
    await type('Password', 'wrong horse battery');
    await page.keyboard.press('Enter');
    await page.getByRole('alert').waitFor();
    await expectAccessible(page);
    await type('Password', OWNER.password);
    await press('Sign in');
    await heading('You are signed in').waitFor();
  });

  it('to set a password is reached and filled in by keyboard alone', async () => {
    await page.goto(`${app}/reset-password`);
    await type('Email', OWNER.email);
    await press('Send me a link');
    await heading('Ask the operator for your link').waitFor();
    await expectAccessible(page);
    const [, path] = await deployment.program.logged(/(\/reset-password\?token=[\w-]+)/);
    await page.goto(app + path);
    await heading('Set a new password').waitFor();
    await expectAccessible(page);
    await type('New password, at least 8 characters', OWNER.password);
    await press('Set password');
    await page.getByRole('status').waitFor();
    await expectAccessible(page);
  });

  it('to accept an invitation is filled in by keyboard alone, and shows errors', async () => {
    await page.goto(`${app}/invitations?token=${invitation}`);
    await type('New password, at least 8 characters', 'a password of my own');
    await expectAccessible(page);
    await press('Set password and join Default');
    await page.waitForURL(`${app}/`);
  });

  it('to let a program act for a person is accessible, and answered by keyboard alone', async () => {
    await asOwner();
    await page.goto(consent('telepresence-cli'));
    await heading('Telepresence asks to act for you').waitFor();
    await expectAccessible(page);
    await tabTo(page, page.getByLabel('In the team'));
    await page.keyboard.press('ArrowDown');
    await press('Cancel');
    await page.waitForURL(`${callback()}?**`);
    expect(page.url()).toContain('error=access_denied');
  });
});

describe('a page on the host of a preview', () => {
  it.each([
    ['There is no preview here', () => `${previews.busy.url}/.culvert/nothing`],
    ['Sign in to open this preview', () => `${previews.private.url}/.culvert/signed-in?code=x`],
    ['This preview is not connected', () => previews.away.url],
    ['The ingress refused the connection', () => previews.refused.url],
    ['The service closed the connection without an answer', () => `${previews.closed.url}/cut`],
  ])('with the title %s is accessible', async (title, at) => {
    await page.goto(at());
    await heading(title).waitFor();
    await stay();
    await expectAccessible(page);
  });

  it('for too many requests is accessible', async () => {
    const held = await context.newPage();
    await held.goto(`${previews.busy.url}/held`, { waitUntil: 'commit' });
    await page.goto(previews.busy.url);
    await heading('Too many requests at once').waitFor();
    await stay();
    await expectAccessible(page);
    release();
    await held.close();
  });

  it(
    'that leads to the sign-in works by keyboard alone, and one for a stranger or a missing preview is ' +
      'accessible',
    async () => {
      await page.goto(`${previews.private.url}/.culvert/signed-in?code=x`);
      await tabTo(page, page.getByRole('link', { name: 'Sign in' }));
      await page.keyboard.press('Enter');
      await heading('Sign in').waitFor();
      await asOwner();
      await page.goto(`http://missing-preview.preview.localhost:${deployment.port}/`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await expectAccessible(page);
    },
  );

  it('with a banner stays accessible, and the banner is closed by keyboard alone', async () => {
    await page.goto(previews.banner.url);
    const banner = page.getByRole('dialog', { name: 'About this preview' });
    await banner.waitFor();
    await expectAccessible(page);
    await tabTo(page, banner.getByRole('link', { name: 'Pull request' }));
    await tabTo(page, banner.getByRole('button', { name: 'Close' }));
    await page.keyboard.press('Space');
    await banner.waitFor({ state: 'hidden' });
  });
});
