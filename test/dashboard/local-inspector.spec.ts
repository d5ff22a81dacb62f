import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser, Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { launchBrowser } from '../support/browser.js';
import { EXIT, runCulvert, startCulvert } from '../support/cli.js';
import { findBarriers, lookAs, watchForFaults } from '../support/dashboard.js';
import { API_KEY, type Deployment, startDeployment, visit } from '../support/deployment.js';
import { freePort } from '../support/network.js';
import type { Program } from '../support/process.js';

/** The page that `culvert expose` and `culvert up` serve on this machine, in a real browser. */
const HOSTILE = `<img/src=x/onerror=document.title='owned'>`;
const POLL = { timeout: 20_000 };

let deployment: Deployment;
let browser: Browser;
let service: http.Server;
let home: string;
let page: Page;
let faults: string[];
const running: Program[] = [];
const received: string[] = [];

beforeAll(async () => {
  service = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      received.push(`${request.method} ${request.url} ${body}`);
      response.writeHead(200, { 'content-type': 'text/plain' }).end(`answer to ${body}`);
    });
  });
  new WebSocketServer({ server: service, perMessageDeflate: { threshold: 0 } }).on('connection', (socket) =>
    socket.on('message', (data: Buffer, binary) => socket.send(data, { binary })),
  );
  await once(service.listen(0, '127.0.0.1'), 'listening');
  home = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  [deployment, browser] = await Promise.all([
    startDeployment({ DATA_DIR: 'memory' }),
    launchBrowser(inject('chromiumPath')),
  ]);
  const context = await browser.newContext({ acceptDownloads: true, reducedMotion: 'reduce' });
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  page = await context.newPage();
  page.setDefaultTimeout(20_000);
  faults = watchForFaults(page);
});
afterEach(async () => {
  await page.goto('about:blank');
  await Promise.all(running.splice(0).map((program) => program.stop()));
  expect(faults).toEqual([]);
});
afterAll(async () => {
  await browser?.close();
  await deployment?.stop();
  service.closeAllConnections();
  service.close();
  rmSync(home, { recursive: true, force: true });
});

const environment = () => ({
  HOME: home,
  CULVERT_URL: `http://localhost:${deployment.port}`,
  CULVERT_API_KEY: API_KEY,
});
const target = () => String((service.address() as AddressInfo).port);

async function expose(...args: string[]): Promise<{ readonly hostname: string; readonly inspector: string }> {
  const program = startCulvert(['expose', target(), '--access', 'public', ...args], environment());
  running.push(program);
  const [, hostname = ''] = await program.line(/^http:\/\/([a-z0-9-]+\.preview\.localhost):\d+$/m);
  const [, inspector = ''] = await program.logged(/Inspector: (http:\/\/127\.0\.0\.1:\d+\/\?token=[\w-]+)/);
  return { hostname, inspector };
}

const row = (text: string): Locator =>
  page.getByRole('table', { name: 'Exchanges' }).getByRole('row').filter({ hasText: text });
const drawer = (): Locator => page.getByRole('dialog').filter({ has: page.getByRole('tablist') });
const copied = async () => String(await page.evaluate('navigator.clipboard.readText()'));

describe('the local inspector', () => {
  it('shows requests, messages and bodies as they pass, and replays them', async () => {
    const { hostname, inspector } = await expose();
    const { port } = deployment;
    await visit(port, hostname, `/before?x=${HOSTILE}`);
    await visit(port, hostname, '/early', { method: 'POST', body: 'an early order' });
    await page.goto(inspector);
    await page.getByRole('status').getByText('Live').waitFor();
    await row('/before').waitFor();
    expect(page.url()).not.toContain('token');
    await page.reload();
    await row('/before').waitFor();
    await page.getByRole('button', { name: '/early' }).click();
    await drawer().getByText('Keep this page open to see the bodies of new requests').waitFor();
    expect(await drawer().getByText('public').count()).toBe(0);
    const replay = drawer().getByRole('button', { name: 'Replay', exact: true });
    expect(await replay.getAttribute('aria-disabled')).toBe('true');
    await page.keyboard.press('Escape');
    await visit(port, hostname, '/orders', {
      method: 'POST',
      body: 'an order',
      headers: { cookie: 'sid=1' },
    });
    await page.getByRole('button', { name: '/orders' }).click();
    await drawer().getByRole('row', { name: 'cookie' }).getByText('sid=1').waitFor();
    await drawer().getByRole('tab', { name: 'Response' }).click();
    await drawer().getByText('answer to an order').waitFor();
    await drawer().getByRole('button', { name: 'Copy as curl' }).click();
    expect(await copied()).toContain(`curl --globoff --path-as-is 'http://${hostname}:${port}/orders'`);
    expect(await findBarriers(page)).toEqual([]);

    await drawer().getByRole('button', { name: 'Replay', exact: true }).click();
    await page.getByRole('button', { name: 'Send POST' }).click();
    await page.getByText('the service responded with 200').waitFor();
    expect(received.filter((each) => each === 'POST /orders an order')).toHaveLength(2);
    await page.keyboard.press('Escape');
    await row('replay').waitFor();

    const socket = new WebSocket(`ws://127.0.0.1:${port}/live`, { headers: { host: `${hostname}:${port}` } });
    await once(socket, 'open');
    await page.getByRole('button', { name: '/live' }).click();
    socket.send(`hello ${HOSTILE}`);
    await once(socket, 'message');
    const messages = drawer().getByRole('table', { name: 'Messages' }).getByRole('row');
    await expect.poll(() => messages.count(), POLL).toBe(2);
    await messages.last().getByRole('button').click();
    await drawer().getByRole('region', { name: 'the message' }).getByText('hello').waitFor();
    socket.terminate();
    expect(await page.title()).not.toContain('owned');
    expect(await page.locator('img[src="x"]').count()).toBe(0);
    await page.keyboard.press('Escape');

    await page.getByRole('searchbox', { name: 'Search requests' }).fill('/before');
    await expect.poll(() => row('/orders').count(), POLL).toBe(0);
    const downloading = page.waitForEvent('download');
    await page.getByRole('link', { name: 'Download HAR' }).click();
    const archive = JSON.parse(readFileSync(await (await downloading).path(), 'utf8')) as {
      log: { entries: unknown[] };
    };
    expect(archive.log.entries.length).toBeGreaterThanOrEqual(3);
  });

  it('is accessible in light, in dark and on a phone', async () => {
    const { hostname, inspector } = await expose();
    await visit(deployment.port, hostname, '/basket');
    await page.goto(inspector);
    await row('/basket').waitFor();
    for (const look of ['light', 'dark', 'phone'] as const) {
      await lookAs(page, look);
      expect([look, await findBarriers(page)]).toEqual([look, []]);
    }
    await lookAs(page, 'light');
  });

  it('cannot be read by a page of another site, under whatever name', async () => {
    const { hostname, inspector } = await expose();
    await visit(deployment.port, hostname, '/secret');
    await page.goto(inspector);
    await row('/secret').waitFor();
    await page.goto(`http://localhost:${target()}/other-site`);
    const attempt = (url: string) =>
      page.evaluate(`fetch(${JSON.stringify(url)}).then((response) => response.text(), () => 'unreadable')`);
    const { origin, port } = new URL(inspector);
    expect(await attempt(`${origin}/har`)).toBe('unreadable');
    // As after DNS rebinding: the name of the attacker's site leads to this machine.
    const rebound = await page.goto(`http://attacker.localhost:${port}/har`);
    expect(rebound?.status()).toBe(403);
    expect(await page.content()).not.toContain('/secret');
    faults.length = 0;
  });

  it('is closed to a browser that has not opened the URL of this run', async () => {
    const { hostname, inspector } = await expose();
    await visit(deployment.port, hostname, '/secret');
    const { origin } = new URL(inspector);
    const context = await browser.newContext();
    const stranger = await context.newPage();
    expect((await stranger.goto(`${origin}/har`))?.status()).toBe(401);
    expect((await stranger.goto(origin))?.status()).toBe(401);
    await stranger.getByText('Open the URL that the command printed').waitFor();
    await context.close();
  });

  it('has a port that a person chooses, or none', async () => {
    const port = await freePort();
    const { inspector } = await expose('--inspector-port', String(port));
    expect(new URL(inspector).origin).toBe(`http://127.0.0.1:${port}`);
    const second = await runCulvert(
      ['expose', target(), '--name', 'other', '--inspector-port', String(port)],
      {
        env: environment(),
      },
    );
    expect(second).toMatchObject({ code: EXIT.conflict });
    expect(second.stderr).toContain(`port ${port} is not free`);
    const opened = await runCulvert(['open', '--inspector'], { env: environment() });
    expect(opened.stderr).toContain(`"ssh -L ${port}:127.0.0.1:${port} `);
    expect(opened.stderr).toContain(`then open ${inspector}`);
    const program = startCulvert(['expose', target(), '--name', 'without', '--no-inspector'], environment());
    running.push(program);
    await program.logged(/Requests go to/);
    expect(program.stderr).not.toContain('Inspector:');
  });
});
