import { createTestDatabase, type TestDatabase } from '@culvert/testkit';
import { Client } from 'pg';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Dashboard, settled, startDashboard, watchForFaults } from '../support/dashboard.js';

/** A list of 5,000 previews, some with names that look like markup. */
const COUNT = 5000;
const SHOWN_COUNT = '5,000';
const HOSTILE = '<img src=x onerror="document.title=\'owned\'">';
const POLL = { timeout: 30_000 };
const MAX_SCRIPT_BYTES = 200 * 1024;

let database: TestDatabase;
let dashboard: Dashboard;
let page: Page;
let faults: string[];

beforeAll(async () => {
  database = await createTestDatabase(inject('databaseUrl'));
  dashboard = await startDashboard(inject('chromiumPath'), { DATABASE_URL: database.url });
  await dashboard.deployment.api('POST', '/traffic-managers', { managerId: 'staging', name: HOSTILE });
  await dashboard.deployment.createPreview(80, {
    intercept: { name: 'seed', workload: 'seed', namespace: 'shop', client: HOSTILE },
    pullRequestUrl: 'https://git.example.com/pull/1',
    addRequestHeaders: { 'x-hostile': HOSTILE },
  });
  const client = new Client({ connectionString: database.url });
  await client.connect();
  await client.query(`
    CREATE TEMP TABLE n AS SELECT n, gen_random_uuid() AS id FROM generate_series(1, ${COUNT - 1}) n`);
  await client.query(`
    INSERT INTO intercept SELECT (jsonb_populate_record(i, jsonb_build_object('id', n.id || ':web-' || n.n,
      'name', 'web-' || n.n, 'workload', 'workload-' || n.n % 20, 'client', ''))).* FROM intercept i, n WHERE i.name = 'seed'`);
  await client.query(`
    INSERT INTO preview SELECT (jsonb_populate_record(p, jsonb_build_object('id', n.id, 'intercept_id', n.id || ':web-' || n.n,
      'hostname', 'many-' || n.n || '.preview.localhost', 'created_at', p.created_at - n.n * interval '1 second'))).*
      FROM preview p, n WHERE p.hostname NOT LIKE 'many-%'`);
  // As Postgres's autovacuum does, some time after so many rows.
  await client.query('ANALYZE intercept, preview');
  await client.end();
  page = await dashboard.signIn();
  page.setDefaultTimeout(20_000);
  faults = watchForFaults(page);
});

afterAll(async () => {
  await dashboard?.stop();
  await database?.drop();
});

describe('a list of 5,000 previews', () => {
  it('loads less than 200 KiB of compressed scripts before it appears', async () => {
    const sizes: number[] = [];
    const first = await page.context().newPage();
    const devtools = await page.context().newCDPSession(first);
    await devtools.send('Network.enable');
    await devtools.send('Network.setCacheDisabled', { cacheDisabled: true });
    const scripts = new Set<string>();
    devtools.on('Network.responseReceived', ({ requestId, type }) => {
      if (type === 'Script') scripts.add(requestId);
    });
    devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
      if (scripts.has(requestId)) sizes.push(encodedDataLength);
    });
    await first.goto(`${dashboard.url}/previews`);
    await first.getByRole('link', { name: 'seed' }).waitFor();
    await settled(first);
    const total = sizes.reduce((sum, size) => sum + size, 0);
    expect(sizes.length).toBeGreaterThan(2);
    expect(total).toBeLessThan(MAX_SCRIPT_BYTES);
    await first.close();
  });

  it('scrolls to its end, with few of its rows in the document', async () => {
    await page.goto(`${dashboard.url}/previews`);
    await page.getByRole('link', { name: 'seed' }).waitFor();
    const most = await page.evaluate(`new Promise((resolve) => {
    let most = 0;
    const frame = () => {
      most = Math.max(most, document.querySelectorAll('[role=table] [role=row]').length);
      const isAllThere = document.body.textContent.includes('${SHOWN_COUNT} previews')
        && !document.body.textContent.includes('of ${SHOWN_COUNT} previews');
      if (isAllThere && scrollY + innerHeight >= document.documentElement.scrollHeight - 2) resolve(most);
      else { scrollBy(0, 20_000); requestAnimationFrame(frame); }
    };
    requestAnimationFrame(frame);
  })`);
    await page.getByRole('link', { name: `web-${COUNT - 1}`, exact: true }).waitFor();
    expect(most).toBeLessThan(80);
  }, 120_000);

  it('filters by typing and choosing, and stores the filter in the address', async () => {
    await page.goto(`${dashboard.url}/previews`);
    await page.getByRole('textbox', { name: 'Search previews' }).fill('WEB-4321');
    await expect.poll(() => page.getByText('1 preview', { exact: true }).count(), POLL).toBe(1);
    expect(new URL(page.url()).search).toBe('?search=WEB-4321');
    await page.reload();
    await page.getByRole('link', { name: 'web-4321' }).waitFor();
    await page.getByRole('combobox', { name: 'State' }).selectOption('connected');
    await page.getByRole('heading', { name: 'No previews match' }).waitFor();
    await page.getByRole('button', { name: 'Show all previews' }).click();
    await page.getByRole('combobox', { name: 'Workload' }).selectOption('workload-7');
    await expect.poll(() => page.getByRole('link', { name: 'web-7', exact: true }).count(), POLL).toBe(1);
    await expect.poll(() => page.getByRole('link', { name: 'web-8', exact: true }).count(), POLL).toBe(0);
  });

  it('removes several at once, after asking', async () => {
    await page.goto(`${dashboard.url}/previews?search=web-11`);
    await page.getByRole('link', { name: 'web-11', exact: true }).waitFor();
    for (const name of ['many-11.preview.localhost', 'many-110.preview.localhost'])
      await page.getByRole('checkbox', { name: `Select ${name}`, exact: true }).check();
    await page.getByText('2 selected').waitFor();
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByRole('dialog').getByText('2 previews').waitFor();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await page.getByRole('link', { name: 'web-11', exact: true }).count()).toBe(1);
    await page.getByRole('button', { name: 'Remove', exact: true }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await expect.poll(() => page.getByRole('link', { name: 'web-11', exact: true }).count(), POLL).toBe(0);
    const left = await dashboard.deployment.api<{ items: unknown[] }>('GET', '/previews?search=many-11.');
    expect(left.items).toEqual([]);
  });

  it('shows text from a cluster as text, whatever it looks like', async () => {
    await page.goto(`${dashboard.url}/previews?client=${encodeURIComponent(HOSTILE)}`);
    await page.getByRole('link', { name: 'seed' }).waitFor();
    expect(await page.getByText(HOSTILE).count()).toBeGreaterThan(0);
    await page.getByRole('link', { name: 'seed' }).click();
    await page.getByText(HOSTILE).first().waitFor();
    // The client, the traffic manager and a header.
    await expect.poll(() => page.getByText(HOSTILE).count(), POLL).toBeGreaterThanOrEqual(3);
    expect(await page.locator('img[src="x"]').count()).toBe(0);
    expect(await page.title()).toBe('seed · Culvert');
    expect(faults).toEqual([]);
  });
});
