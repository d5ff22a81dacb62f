import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import type { Locator, Page } from 'playwright-core';
import { WebSocket, WebSocketServer } from 'ws';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import {
  type Dashboard,
  findBarriers,
  settled,
  startDashboard,
  watchForFaults,
} from '../support/dashboard.js';
import { type Preview, visit } from '../support/deployment.js';

/** The requests of a preview, watched and replayed by clicking and typing. */
const SECRET = 'S3CR3Tvalue0123456789';
const HOSTILE = `<img/src=x/onerror=document.title='owned'>`;
const POLL = { timeout: 20_000 };

interface Seen {
  readonly method: string;
  readonly url: string;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

let dashboard: Dashboard;
let service: http.Server;
let page: Page;
let faults: string[];
let preview: Preview;
let count = 0;
const seen: Seen[] = [];
/** Responses that wait until a test releases them. */
const held: http.ServerResponse[] = [];

beforeAll(async () => {
  service = http.createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')));
    request.on('end', () => {
      const { method = '', url = '', headers } = request;
      seen.push({ method, url, headers, body });
      response.statusCode = url.startsWith('/missing') ? 404 : 200;
      response.setHeader('content-type', 'application/json');
      response.setHeader('set-cookie', `sid=${SECRET}; Path=/`);
      if (url.startsWith('/slow')) held.push(response);
      else response.end(JSON.stringify({ echo: body }));
    });
  });
  new WebSocketServer({ server: service, perMessageDeflate: { threshold: 0 } }).on('connection', (socket) =>
    socket.on('message', (data: Buffer, binary) => socket.send(data, { binary })),
  );
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  dashboard = await startDashboard(inject('chromiumPath'));
  await dashboard.deployment.startManager();
  page = await dashboard.signIn();
  page.setDefaultTimeout(20_000);
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  faults = watchForFaults(page);
});

beforeEach(async () => {
  seen.length = 0;
  preview = await dashboard.deployment.createPreview((service.address() as AddressInfo).port, {
    intercept: { name: `orders-${++count}`, workload: 'orders', namespace: 'shop', client: 'ann@laptop' },
  });
});

afterEach(() => {
  for (const response of held.splice(0)) response.end();
  expect(faults).toEqual([]);
});

afterAll(async () => {
  await dashboard?.stop();
  service.closeAllConnections();
  service.close();
});

const table = (): Locator => page.getByRole('table', { name: 'Exchanges' });
const row = (text: string | RegExp): Locator => table().getByRole('row').filter({ hasText: text });
const drawer = (): Locator => page.getByRole('dialog').filter({ has: page.getByRole('tablist') });
const fact = (name: string): Locator => drawer().getByRole('term').filter({ hasText: name });
const send = (target: string, options: Parameters<typeof visit>[3] = {}) =>
  visit(dashboard.deployment.port, preview.hostname, target, options);

async function inspect(): Promise<void> {
  await page.goto(`${dashboard.url}/previews/${preview.id}/requests`);
  await page.getByRole('status').getByText('Live').waitFor();
}

async function openRequest(target: string): Promise<void> {
  await table().getByRole('button', { name: target, exact: true }).first().click();
  await drawer().waitFor();
}

async function capture(): Promise<void> {
  await page.getByRole('switch', { name: 'Capture bodies' }).click();
  await page.getByRole('status').getByText('Live').waitFor();
}

describe('the list of requests', () => {
  it('is reached from the previews, and shows requests and their outcomes as they arrive', async () => {
    await page.goto(`${dashboard.url}/previews?search=${preview.hostname}`);
    await page.getByRole('button', { name: `Actions for ${preview.hostname}` }).click();
    await page.getByRole('menuitem', { name: 'Requests' }).click();
    await page.getByRole('heading', { name: 'Waiting for a request' }).waitFor();
    await page.getByRole('status').getByText('Live').waitFor();
    await send(`/basket?token=${SECRET}`, { method: 'POST', body: 'x' });
    await row('/basket?token=***').waitFor();
    await expect.poll(() => row('/basket').textContent(), POLL).toMatch(/POST.*200.*127\.0\.0\.1/);
    const slow = send('/slow');
    await row('/slow').waitFor();
    expect(await row('/slow').textContent()).toContain('…');
    await expect.poll(() => held.length).toBe(1);
    held.splice(0)[0].end();
    await slow;
    await expect.poll(() => row('/slow').textContent(), POLL).toContain('200');
  });

  it('can be searched, filtered by outcome, paused and cleared', async () => {
    await inspect();
    for (const target of ['/one', '/two', '/missing/three']) await send(target);
    await row('/missing/three').waitFor();
    await page.getByRole('searchbox', { name: 'Search requests' }).fill('ONE');
    await page.getByText('1 of 3 requests').waitFor();
    expect(await row('/two').count()).toBe(0);
    await page.getByRole('searchbox', { name: 'Search requests' }).fill('');
    await page.getByRole('combobox', { name: 'Outcome' }).selectOption('4xx');
    await page.getByText('1 of 3 requests').waitFor();
    expect(await row('/missing/three').count()).toBe(1);
    await page.getByRole('combobox', { name: 'Outcome' }).selectOption('Any outcome');

    await page.getByRole('button', { name: 'Pause' }).click();
    await send('/while-paused');
    await page.getByRole('status').getByText('Paused').waitFor();
    expect(await row('/while-paused').count()).toBe(0);
    await page.getByRole('button', { name: 'Resume' }).click();
    await row('/while-paused').waitFor();
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByRole('heading', { name: 'Waiting for a request' }).waitFor();
  });

  it('shows the messages of a WebSocket as they pass, to filter, follow and copy', async () => {
    await inspect();
    await capture();
    const { port } = dashboard.deployment;
    const socket = new WebSocket(`ws://127.0.0.1:${port}/live`, {
      headers: { host: `${preview.hostname}:${port}` },
    });
    await once(socket, 'open');
    await openRequest('/live');
    const list = drawer().getByRole('table', { name: 'Messages' });
    for (let n = 0; n < 50; n++) {
      socket.send(`{"n":${n},"by":"${HOSTILE}"}`);
      await once(socket, 'message');
    }
    socket.send(Buffer.from([0, 255, 72]));
    await once(socket, 'message');
    // It follows: the newest message is in view.
    await list.getByRole('row').filter({ hasText: 'binary' }).last().waitFor();
    await drawer().getByRole('combobox', { name: 'Direction' }).selectOption('From the service');
    await drawer().getByRole('searchbox', { name: 'Search messages' }).fill('"n":17,');
    await expect.poll(() => list.getByRole('row').count(), POLL).toBe(1);
    await list.getByRole('button').click();
    await drawer().getByRole('region', { name: 'the message' }).getByText('"n":17').waitFor();
    await drawer().getByRole('button', { name: 'Copy the message' }).click();
    const copied = String(await page.evaluate('navigator.clipboard.readText()'));
    expect(copied).toBe(`{"n":17,"by":"${HOSTILE}"}`);
    expect(await page.locator('img[src="x"]').count()).toBe(0);
    expect(await findBarriers(page)).toEqual([]);
    await drawer().getByRole('searchbox', { name: 'Search messages' }).fill('');
    await list.getByRole('button').last().click();
    await drawer().getByRole('region', { name: 'the bytes' }).getByText('00 ff 48').waitFor();
    socket.close(4000);
    await drawer().getByText('52 messages').first().waitFor();
  });

  it('shows text of visitors as text, whatever it looks like', async () => {
    await inspect();
    await send(`/${HOSTILE}`, { headers: { 'x-hostile': HOSTILE, accept: HOSTILE } });
    await openRequest(`/${HOSTILE}`);
    expect(await drawer().getByRole('row', { name: 'x-hostile' }).textContent()).toContain(HOSTILE);
    expect(await page.locator('img[src="x"]').count()).toBe(0);
    expect(await page.title()).not.toContain('owned');
  });
});

describe('one request', () => {
  it('shows heads without their secrets, and the duration of each step', async () => {
    await inspect();
    await send('/details', {
      headers: { 'x-dev': 'ann', authorization: `Bearer ${SECRET}`, cookie: `sid=${SECRET}` },
    });
    await openRequest('/details');
    const field = (name: string) => drawer().getByRole('row', { name, exact: false });
    expect(await field('x-dev').textContent()).toContain('ann');
    expect(await field('authorization').textContent()).toContain('Bearer ***');
    expect(await field('cookie').textContent()).toContain('sid=***');
    for (const step of ['Gate', 'Wait for the manager', 'Connect', 'First byte', 'Body'])
      expect(await fact(step).count()).toBeGreaterThan(0);
    await drawer().getByText('It was not captured.').waitFor();
    await drawer().getByRole('tab', { name: 'Response' }).click();
    expect(await field('set-cookie').textContent()).toContain('sid=***');
    expect(await page.content()).not.toContain(SECRET);

    await drawer().getByRole('button', { name: 'Copy as curl' }).click();
    const command = String(await page.evaluate('navigator.clipboard.readText()'));
    expect(command).toContain(`curl --globoff --path-as-is '${preview.url}/details'`);
    expect(command).toContain("-H 'x-dev: ann'");
    expect(command).not.toContain(SECRET);
  });

  it('shows bodies while they are captured', async () => {
    await inspect();
    await capture();
    await send('/body', { method: 'POST', body: '{"article":17}' });
    await openRequest('/body');
    await drawer().getByRole('region', { name: 'the request body' }).getByText('"article": 17').waitFor();
    await drawer().getByRole('tab', { name: 'Response' }).click();
    const answer = await drawer().getByRole('region', { name: 'the response body' }).textContent();
    expect(JSON.parse(answer ?? '')).toEqual({ echo: '{"article":17}' });
  });

  it('describes the faults of a response that was delivered nevertheless', async () => {
    const sloppy = net.createServer((socket) => {
      socket.on('error', () => socket.destroy());
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\nContent-Length: 2\nConnection: close\n\nok'));
    });
    sloppy.listen(0, '127.0.0.1');
    await once(sloppy, 'listening');
    preview = await dashboard.deployment.createPreview((sloppy.address() as AddressInfo).port, {
      intercept: { name: `sloppy-${count}`, workload: 'sloppy', namespace: 'shop', client: 'ann@laptop' },
    });
    await inspect();
    expect((await send('/odd')).status).toBe(200);
    await openRequest('/odd');
    const note = drawer().getByRole('alert').filter({ hasText: 'breaks the rules of HTTP' });
    await note.getByText('Lines of the head end with LF alone instead of CRLF.').waitFor();
    await note.getByText('The visitor received it nevertheless.').waitFor();
    sloppy.close();
  });
});

describe('a replay', () => {
  it('of a request that changes nothing is sent at once, and shown when it arrives', async () => {
    await inspect();
    await send('/again?x=1', { headers: { 'x-dev': 'ann', authorization: `Bearer ${SECRET}` } });
    await openRequest('/again?x=1');
    await drawer().getByRole('button', { name: 'Replay', exact: true }).click();
    await drawer().getByText('replayed from here').waitFor();
    expect(seen).toHaveLength(2);
    expect(seen[1]).toMatchObject({ method: 'GET', url: '/again?x=1' });
    expect(seen[1].headers['x-dev']).toBe('ann');
    expect(seen[1].headers).not.toHaveProperty('authorization');
    await page.getByText('GET: the service responded with 200').waitFor();
    // The response of a replay is known without capturing.
    await drawer().getByRole('tab', { name: 'Response' }).click();
    await drawer().getByRole('region', { name: 'the response body' }).getByText('"echo"').waitFor();
    await drawer().getByRole('button', { name: 'an earlier request' }).click();
    await drawer().getByText('replayed from here').waitFor({ state: 'detached' });
  });

  it('of a request that may change something asks first, and includes its body', async () => {
    await inspect();
    await capture();
    await send('/order', { method: 'POST', body: 'article=17' });
    await openRequest('/order');
    await drawer().getByRole('button', { name: 'Replay', exact: true }).click();
    const question = page.getByRole('dialog').filter({ hasText: 'Send POST again?' });
    await question.getByRole('button', { name: 'Cancel' }).click();
    await question.waitFor({ state: 'detached' });
    expect(seen).toHaveLength(1);
    await drawer().getByRole('button', { name: 'Replay', exact: true }).click();
    await question.getByRole('button', { name: 'Send POST' }).click();
    await drawer().getByText('replayed from here').waitFor();
    expect(seen[1]).toMatchObject({ method: 'POST', url: '/order', body: 'article=17' });
  });

  it('can be edited before it is sent', async () => {
    await inspect();
    await capture();
    await send(`/edit?token=${SECRET}`, {
      method: 'POST',
      body: 'old',
      headers: { 'x-old': 'yes', cookie: `sid=${SECRET}` },
    });
    await openRequest('/edit?token=***');
    await drawer().getByRole('button', { name: 'Edit and replay' }).click();
    const form = page.getByRole('dialog', { name: 'Edit and replay' });
    await form.getByText('Left out because they are secret: cookie.').waitFor();
    expect(await form.getByLabel('Body').inputValue()).toBe('old');
    await form.getByRole('button', { name: 'Send' }).click();
    await form.getByText('Replace *** with the secret.').waitFor();
    await form.getByLabel('Path').fill('/edited?token=mine');
    await form.getByLabel('Headers').fill('x-new: yes\nnonsense');
    await form.getByRole('button', { name: 'Send' }).click();
    await form.getByText('Line 2 is not a header').waitFor();
    await form.getByLabel('Headers').fill('x-new: yes\ncookie: sid=other');
    await form.getByLabel('Body').fill('new');
    await form.getByLabel('Method').fill('PUT');
    await form.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('button', { name: 'Send PUT' }).click();
    await form.waitFor({ state: 'detached' });
    await drawer().getByText('replayed from here').waitFor();
    expect(seen[1]).toMatchObject({ method: 'PUT', url: '/edited?token=mine', body: 'new' });
    expect(seen[1].headers).toMatchObject({ 'x-new': 'yes', cookie: 'sid=other' });
    expect(seen[1].headers).not.toHaveProperty('x-old');
  });

  it('explains why it is not possible', async () => {
    await inspect();
    await send('/lost', { method: 'POST', body: 'not captured' });
    await openRequest('/lost');
    await drawer().getByRole('button', { name: 'Replay', exact: true }).click();
    await page.getByRole('button', { name: 'Send POST' }).click();
    const problem = drawer().getByRole('alert').filter({ hasText: 'The exchange cannot be repeated' });
    await problem.getByText('Its body was not captured').waitFor();
    await drawer().getByRole('button', { name: 'Edit and replay' }).click();
    const form = page.getByRole('dialog', { name: 'Edit and replay' });
    await form.getByText('The body was not captured completely.').waitFor();
    await form.getByLabel('Method').fill('CONNECT');
    await form.getByRole('button', { name: 'Send' }).click();
    await page.getByRole('button', { name: 'Send CONNECT' }).click();
    await form
      .getByRole('alert')
      .getByText(/must not be CONNECT/)
      .waitFor();
    expect(seen).toHaveLength(1);
  });

  it('works without a mouse', async () => {
    await inspect();
    await send('/keys');
    await row('/keys').waitFor();
    await page.getByRole('searchbox', { name: 'Search requests' }).focus();
    await pressUntil('Tab', '/keys');
    await page.keyboard.press('Enter');
    await drawer().waitFor();
    await pressUntil('Tab', 'Replay');
    await page.keyboard.press('Enter');
    await drawer().getByText('replayed from here').waitFor();
    await page.keyboard.press('Escape');
    await drawer().waitFor({ state: 'detached' });
    await expect.poll(() => row('/keys').count()).toBe(2);
  });
});

/** Presses a key until an element with this text has the focus. */
async function pressUntil(key: string, text: string): Promise<void> {
  for (let i = 0; i < 40; i++) {
    if ((await page.evaluate('document.activeElement?.textContent')) === text) return;
    await page.keyboard.press(key);
  }
  throw new Error(`${key} does not lead to ${text}`);
}

describe('the inspector', () => {
  it('is accessible in light, in dark and on a phone', async () => {
    await inspect();
    await send('/look?at=this', { method: 'POST', body: 'x', headers: { 'x-long': 'long '.repeat(100) } });
    await row('/look').waitFor();
    await settled(page);
    expect(['the list', await findBarriers(page)]).toEqual(['the list', []]);
    await openRequest('/look?at=this');
    expect(['one request', await findBarriers(page)]).toEqual(['one request', []]);
    await drawer().getByRole('button', { name: 'Edit and replay' }).click();
    await page.getByRole('dialog', { name: 'Edit and replay' }).getByLabel('Path').waitFor();
    expect(['the form', await findBarriers(page)]).toEqual(['the form', []]);
  });

  /** Measurements of the page under load. */
  interface Figures {
    readonly frames: number;
    readonly maxRows: number;
    readonly gaps: { readonly p95: number; readonly max: number };
    readonly longTasks: { readonly count: number; readonly total: number; readonly max: number };
    /** Milliseconds from typing or clicking to the next paint. */
    readonly interactions: readonly number[];
  }

  const MEASURE = `
  globalThis.figures = { frames: 0, maxRows: 0, gaps: [], longTasks: [], interactions: [] };
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) figures.longTasks.push(duration);
  }).observe({ type: 'longtask' });
  new PerformanceObserver((list) => {
    for (const { duration, interactionId } of list.getEntries())
      if (interactionId > 0) figures.interactions.push(duration);
  }).observe({ type: 'event', durationThreshold: 16 });
  let before = performance.now();
  const frame = (now) => {
    figures.frames++;
    figures.gaps.push(now - before);
    before = now;
    figures.maxRows = Math.max(figures.maxRows, document.querySelectorAll('[role=table] [role=row]').length);
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);`;

  const READ = `(() => {
  const { frames, maxRows, gaps, longTasks, interactions } = figures;
  const sorted = gaps.slice(1).sort((a, b) => a - b);
  const most = (numbers) => Math.round(Math.max(0, ...numbers));
  return {
    frames,
    maxRows,
    gaps: { p95: Math.round(sorted[Math.floor(sorted.length * 0.95)]), max: most(sorted) },
    longTasks: {
      count: longTasks.length,
      total: Math.round(longTasks.reduce((sum, ms) => sum + ms, 0)),
      max: most(longTasks),
    },
    interactions: interactions.map(Math.round),
  };
})()`;

  it('stays usable at 200 requests a second, with few rows in the document and bounded memory', async () => {
    const total = 2000;
    await inspect();
    const devtools = await page.context().newCDPSession(page);
    await devtools.send('Performance.enable');
    const memory = async () => {
      await devtools.send('HeapProfiler.collectGarbage');
      const { metrics } = await devtools.send('Performance.getMetrics');
      const value = (name: string) => metrics.find((metric) => metric.name === name)?.value ?? 0;
      return { heapMiB: value('JSHeapUsedSize') / 2 ** 20, nodes: value('Nodes') };
    };
    const before = await memory();
    await page.evaluate(MEASURE);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
    const visits: Promise<unknown>[] = [];
    // 10 every 50 ms; late ones are sent at once.
    const startedAt = performance.now();
    const load = new Promise<void>((resolve) => {
      const timer = setInterval(() => {
        const due = Math.min(total, Math.ceil((performance.now() - startedAt) / 5));
        while (visits.length < due) visits.push(send(`/load/${visits.length}?page=orders`, { agent }));
        if (visits.length < total) return;
        clearInterval(timer);
        resolve();
      }, 50);
    });
    // Meanwhile, the page is used.
    await row('/load/').first().waitFor();
    const search = page.getByRole('searchbox', { name: 'Search requests' });
    await search.pressSequentially('load/1', { delay: 50 });
    await page.getByText(/[\d,]+ of [\d,]+ requests/).waitFor();
    await search.fill('');
    await page.getByRole('button', { name: 'Pause' }).click();
    await table().getByRole('button').first().click();
    await drawer().waitFor();
    await page.keyboard.press('Escape');
    await drawer().waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'Resume' }).click();
    await load;
    await Promise.all(visits);
    agent.destroy();
    // The newest are kept.
    await page.getByText('1,000 requests').waitFor();
    await row(`/load/${total - 1}?`).waitFor();
    const figures: Figures = await page.evaluate(READ);
    const after = await memory();
    const seconds = (performance.now() - startedAt) / 1000;
    console.log(
      `inspector, ${Math.round(total / seconds)} requests a second for ${Math.round(seconds)} s:`,
      JSON.stringify({ ...figures, before, after }),
    );
    expect(figures.maxRows).toBeLessThan(80);
    expect(figures.frames).toBeGreaterThan(100);
    expect(after.nodes - before.nodes).toBeLessThan(3000);
    expect(after.heapMiB - before.heapMiB).toBeLessThan(40);
    // Requests that were dropped are not held elsewhere: after clearing, almost nothing is left.
    await page.getByRole('button', { name: 'Clear' }).click();
    await page.getByRole('heading', { name: 'Waiting for a request' }).waitFor();
    expect((await memory()).heapMiB - before.heapMiB).toBeLessThan(15);
  }, 120_000);
});
