import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import zlib from 'node:zlib';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import { launchBrowser } from '../support/browser.js';
import { type Deployment, type Preview, startDeployment, visit } from '../support/deployment.js';
import type { Program } from '../support/process.js';

/** The banner on a service's pages, and the pages that replace them, in a real browser. */
const HOSTILE = '</b><img src=x onerror=alert(1)>';
const PULL_REQUEST = 'https://git.test/acme/shop/pull/12';

let deployment: Deployment;
let service: http.Server;
let manager: Program;
let preview: Preview;
let browser: Browser;
let page: Page;
let messages: string[];
let serve: http.RequestListener;

beforeAll(async () => {
  service = http.createServer((request, response) => serve(request, response));
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  deployment = await startDeployment({ MANAGER_WAIT_MS: '0' });
  manager = await deployment.startManager();
  preview = await deployment.createPreview((service.address() as AddressInfo).port, {
    intercept: {
      name: 'web',
      workload: 'web',
      namespace: 'shop',
      client: HOSTILE,
    },
    pullRequestUrl: PULL_REQUEST,
    displayBanner: true,
  });
  browser = await launchBrowser(inject('chromiumPath'));
});

afterAll(async () => {
  await browser?.close();
  await deployment?.stop();
  service?.closeAllConnections();
  service?.close();
});

beforeEach(async () => {
  page = await browser.newPage();
  messages = [];
  page.on('console', (message) => messages.push(message.text()));
  page.on('pageerror', (error) => messages.push(error.message));
});
afterEach(() => page.close());

interface Window {
  getComputedStyle(node: unknown): Record<string, string>;
}

const styleOf = (element: Locator, property: string): Promise<string> =>
  element.evaluate((node, name) => (globalThis as unknown as Window).getComputedStyle(node)[name], property);

const banner = () => page.getByRole('dialog', { name: 'About this preview' });

function html(body: string, fields: http.OutgoingHttpHeaders = {}): void {
  serve = (request, response) => {
    if (request.url !== '/') response.writeHead(404).end();
    else response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...fields }).end(body);
  };
}

describe('the banner', () => {
  it('shows as text what is shared and by whom, and closes without a script', async () => {
    html('<!doctype html><link rel=icon href="data:,"><title>Shop</title><body><h1>Hello</h1>');
    await page.goto(preview.url);
    await banner().waitFor();
    expect(await banner().innerText()).toContain(`Preview of web in shop, shared by ${HOSTILE}.`);
    expect(await banner().getByRole('link').getAttribute('href')).toBe(PULL_REQUEST);
    await banner().getByRole('button', { name: 'Close' }).click();
    await banner().waitFor({ state: 'hidden' });
    expect(page.url()).toBe(`${preview.url}/`);
    expect(messages).toEqual([]);
  });

  it.each([
    ["default-src 'none'; form-action 'none'; base-uri 'none'; img-src data:", 'fixed'],
    ["style-src 'nonce-x'; script-src 'none'; require-trusted-types-for 'script'", 'fixed'],
    ["style-src 'self' 'unsafe-inline'", 'fixed'],
  ])('works under the policy %s, which stays effective', async (policy, position) => {
    html(
      '<!doctype html><link rel=icon href="data:,"><style nonce=y>body{color:rgb(1,2,3)}</style><body><script nonce=y>document.title="ran"</script>hi',
      { 'content-security-policy': policy },
    );
    await page.goto(preview.url);
    await banner().waitFor();
    expect(await styleOf(banner(), 'position')).toBe(position);
    expect(await page.title()).toBe(policy.includes('unsafe-inline') ? 'ran' : '');
    // Reported violations are the page's own, not ours.
    const own = messages.filter(
      (message) => !/Refused|violates|Executing inline script|Applying inline style/.test(message),
    );
    expect(own).toEqual([]);
    await banner().getByRole('button', { name: 'Close' }).click();
    await banner().waitFor({ state: 'hidden' });
  });

  it('appears, and closes, on pages that forbid styles', async () => {
    html(
      `<!doctype html><link rel=icon href="data:,"><meta http-equiv=content-security-policy content="default-src 'none'; img-src data:"><body>hi`,
    );
    await page.goto(preview.url);
    await banner().waitFor();
    expect(await styleOf(banner(), 'position')).toBe('absolute');
    await banner().getByRole('button', { name: 'Close' }).click();
    await banner().waitFor({ state: 'hidden' });
  });

  it('stays closed on this preview in this browser, also by keyboard, and the page stays unchanged', async () => {
    const asked: (string | undefined)[] = [];
    serve = (request, response) => {
      asked.push(request.headers.cookie);
      response.setHeader('content-type', 'text/html');
      response.end(
        `<!doctype html><link rel=icon href="data:,"><body style="height:5000px"><form method=post><button>Send</button></form><p>${request.method}`,
      );
    };
    const button = banner().getByRole('button', { name: 'Close' });
    const other = await deployment.createPreview((service.address() as AddressInfo).port, {
      trafficManagerId: preview.trafficManagerId,
      displayBanner: true,
    });
    // The response to a form: loading it again would send the form again.
    await page.goto(`${preview.url}/deep?x=1`);
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('POST').waitFor();
    await page.evaluate('scrollTo(0, 700)');
    const closed = page.waitForResponse(`${preview.url}/.culvert/banner-closed`);
    await button.focus();
    await page.keyboard.press('Enter');
    expect((await closed).status()).toBe(204);
    await banner().waitFor({ state: 'hidden' });
    expect(await page.evaluate('[scrollY, location.href]')).toEqual([700, `${preview.url}/deep?x=1`]);
    expect(asked).toHaveLength(2);
    expect(await page.context().cookies()).toMatchObject([
      { name: 'culvert-banner', domain: preview.hostname, httpOnly: true, sameSite: 'Lax' },
    ]);

    await page.goto(`${preview.url}/`);
    await page.getByText('GET').waitFor();
    expect(await page.locator('culvert-banner').count()).toBe(0);
    expect(await page.evaluate('document.cookie')).toBe('');
    await page.goto(other.url);
    await banner().waitFor();
    expect(asked).toEqual([undefined, undefined, undefined, undefined]);
    expect(messages).toEqual([]);
  });

  it.each([
    // If the page may not load images, a browser could not report it without an error.
    "default-src 'none'; img-src data:",
    'sandbox',
    'sandbox allow-scripts allow-popups',
  ])('closes for one page under the policy %s, without an error', async (policy) => {
    html('<!doctype html><link rel=icon href="data:,"><body>hi', { 'content-security-policy': policy });
    await page.goto(preview.url);
    await banner().getByRole('button', { name: 'Close' }).click();
    await banner().waitFor({ state: 'hidden' });
    await page.reload();
    await banner().waitFor();
    expect(await page.context().cookies()).toEqual([]);
    expect(messages).toEqual([]);
  });

  it('cannot be closed by other sites', async () => {
    for (const site of ['cross-site', 'same-site', 'none']) {
      const { status, headers } = await visit(deployment.port, preview.hostname, '/.culvert/banner-closed', {
        headers: { 'sec-fetch-site': site },
      });
      expect([status, headers['set-cookie']]).toEqual([403, undefined]);
    }
  });

  it.each([
    '<!doctype html><!-- <body> --><html data-a="<body>"><script>var a="<body>"</script><body class=b>x',
    '<!doctype html><title><body></title><script><!-- <script></script> <body> </script></script><body class=b>x',
    '<!doctype html><template><body><p></template><p>no body tag',
    '<!doctype html><meta charset=utf-8>text at once',
  ])('comes first in the body of %s', async (markup) => {
    html(markup.replace('<!doctype html>', '<!doctype html><link rel=icon href="data:,">'));
    await page.goto(preview.url);
    await banner().waitFor();
    expect(await page.evaluate('document.body.firstElementChild.localName')).toBe('culvert-banner');
    expect(await page.evaluate('document.compatMode')).toBe('CSS1Compat');
  });

  it('arrives with the first bytes of a page that is still being written, also if compressed', async () => {
    let finish = (): void => {};
    serve = (request, response) => {
      if (request.url !== '/') return void response.writeHead(404).end();
      response.writeHead(200, { 'content-type': 'text/html', 'content-encoding': 'gzip' });
      const gzip = zlib.createGzip();
      gzip.pipe(response);
      gzip.write(`<!doctype html><body><p id=first>first</p>${' '.repeat(1024)}`);
      gzip.flush();
      finish = () => void gzip.end('<p id=last>last</p>');
    };
    await page.goto(preview.url, { waitUntil: 'commit' });
    await page.locator('#first').waitFor();
    await banner().waitFor();
    expect(await page.locator('#last').count()).toBe(0);
    finish();
    await page.locator('#last').waitFor();
  });

  it('does not change what scripts and frames fetch', async () => {
    html('<!doctype html><link rel=icon href="data:,"><body>hi');
    await page.goto(preview.url);
    await banner().waitFor();
    const fetched = await page.evaluate(async () => (await fetch('/')).text());
    expect(fetched).toBe('<!doctype html><link rel=icon href="data:,"><body>hi');
    await page.evaluate(`new Promise((resolve) => {
      const frame = document.createElement('iframe');
      frame.src = '/';
      frame.addEventListener('load', resolve);
      document.body.append(frame);
    }).then(() => undefined)`);
    expect(await page.locator('culvert-banner').count()).toBe(1);
    expect(await page.frameLocator('iframe').locator('culvert-banner').count()).toBe(0);
  });
});

describe('an error page', () => {
  it('reloads by itself until the cluster is there', async () => {
    html('<!doctype html><link rel=icon href="data:,"><title>Shop</title><body>here again');
    const late = await deployment.createPreview((service.address() as AddressInfo).port, {
      trafficManagerId: preview.trafficManagerId,
    });
    await manager.stop();
    await page.goto(late.url);
    await page.getByRole('heading', { name: 'This preview is not connected' }).waitFor();
    expect(await page.evaluate('document.documentElement.lang')).toBe('en');
    expect(await page.locator('main').count()).toBe(1);
    manager = await deployment.startManager();
    await page.getByText('here again').waitFor();
  });

  it('is styled, and loads nothing from other hosts', async () => {
    const hosts = new Set<string>();
    page.on('request', (request) => hosts.add(new URL(request.url()).host));
    // Nothing listens on port 1.
    const broken = await deployment.createPreview(1, { trafficManagerId: preview.trafficManagerId });
    await page.goto(broken.url);
    await page.getByRole('heading', { level: 1 }).waitFor();
    expect(await styleOf(page.locator('body'), 'display')).toBe('grid');
    expect([...hosts]).toEqual([new URL(broken.url).host]);
    expect(messages.filter((message) => message.includes('Content Security Policy'))).toEqual([]);
  });
});
