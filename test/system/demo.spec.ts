import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import type { Browser } from 'playwright-core';
import { launchBrowser } from '../support/browser.js';
import { type Program, startProgram } from '../support/process.js';
import { visit } from '../support/deployment.js';

/** What a newcomer sees: `npm run demo`, and the preview it prints, in a real browser. */
let demo: Program;
let browser: Browser;
let previewUrl: string;
let startedInMs: number;

beforeAll(async () => {
  const began = performance.now();
  demo = startProgram('apps/standalone/src/demo/main.js', { PORT: '0' });
  previewUrl = (await demo.line(/^Preview URL +(\S+)$/m))[1]!;
  startedInMs = performance.now() - began;
  browser = await launchBrowser(inject('chromiumPath'));
});

afterAll(async () => {
  await browser?.close();
  expect(await demo?.stop()).toBe(0);
});

describe('npm run demo', () => {
  it('prints the four lines that people need, soon', () => {
    expect(demo.stdout).toMatch(/^Dashboard +http\S+$/m);
    expect(demo.stdout).toMatch(/^Sign in +\S+@\S+ \/ \S+$/m);
    expect(demo.stdout).toMatch(/^API key +cvt_\w+$/m);
    expect(demo.stdout).toMatch(/^Preview URL +http:\/\/[a-z0-9-]+\.preview\.localhost:\d+$/m);
    expect(startedInMs).toBeLessThan(60_000);
  });

  it('answers curl at once', async () => {
    const { hostname, port } = new URL(previewUrl);
    const result = await visit(Number(port), hostname, '/');
    expect(result.status).toBe(200);
    expect(result.headers['content-type']).toContain('text/html');
  });
});

describe('the page in a browser', () => {
  it('works completely: assets, form, upload, events and WebSocket', async () => {
    const page = await browser.newPage();
    const failures: string[] = [];
    page.on('pageerror', (error) => failures.push(error.message));
    page.on('response', (response) => {
      if (response.status() >= 400) failures.push(`${response.status()} ${response.url()}`);
    });
    await page.goto(previewUrl, { waitUntil: 'load' });
    await page.locator('.checks:not(:has(li:not([data-state="good"])))').waitFor();
    await page
      .locator('#clock-time')
      .filter({ hasText: /\d\d:\d\d:\d\d/ })
      .waitFor();

    await page.locator('#echo-form input').fill('hello through the tunnel');
    await page.locator('#echo-form button').click();
    await page.locator('#echo-log').filter({ hasText: 'hello through the tunnel' }).waitFor();

    await page.locator('#upload-form input[type=file]').setInputFiles({
      name: 'data.bin',
      mimeType: 'application/octet-stream',
      buffer: Buffer.alloc(2_000_000, 1),
    });
    await page.locator('#upload-form button').click();
    await page
      .locator('#upload-result')
      .filter({ hasText: /2.?000.?000/ })
      .waitFor();

    await page.locator('form[action="/form"] input[name=name]').fill('Ada <b>');
    await page.locator('form[action="/form"] button').click();
    await page.getByText('Ada <b>').first().waitFor();
    expect(failures).toEqual([]);
    await page.close();
  });

  it('shows the API documentation without any other host', async () => {
    const page = await browser.newPage();
    const hosts = new Set<string>();
    const failures: string[] = [];
    page.on('request', (request) => hosts.add(new URL(request.url()).host));
    page.on('console', (message) => {
      if (message.type() === 'error') failures.push(message.text());
    });
    const dashboard = /^Dashboard +(\S+)$/m.exec(demo.stdout)![1];
    await page.goto(`${dashboard}/api/docs`, { waitUntil: 'load' });
    await page.getByText('/api/v1/previews').first().waitFor();
    expect([...hosts].filter((host) => host !== new URL(dashboard).host && host !== '')).toEqual([]);
    expect(failures).toEqual([]);
    await page.close();
  });
});
