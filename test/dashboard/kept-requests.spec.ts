import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { KeyRing } from '@culvert/sealing';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Dashboard, findBarriers, startDashboard, watchForFaults } from '../support/dashboard.js';
import { visit } from '../support/deployment.js';

/** Requests that a preview keeps, from the policy of the team to the deletion, by clicking and typing. */
describe('kept requests in the dashboard', () => {
  let dashboard: Dashboard;
  let service: http.Server;
  let page: Page;
  let faults: string[];

  beforeAll(async () => {
    service = http.createServer((request, response) => {
      request.resume().on('end', () => response.end('answer'));
    });
    service.listen(0, '127.0.0.1');
    await once(service, 'listening');
    dashboard = await startDashboard(inject('chromiumPath'), { ENCRYPTION_KEYS: KeyRing.generate() });
    await dashboard.deployment.startManager();
    page = await dashboard.signIn();
    page.setDefaultTimeout(20_000);
    faults = watchForFaults(page);
  });
  afterAll(async () => {
    await dashboard?.stop();
    service?.closeAllConnections();
    service?.close();
  });

  it('are allowed by the team, turned on for a preview, searched, shown and deleted', async () => {
    const { deployment, url } = dashboard;
    await page.goto(`${url}/team`);
    await page.getByRole('checkbox', { name: 'Previews can keep their last requests' }).click();
    await page.getByRole('checkbox', { name: 'Keep bodies and messages too' }).click();
    await page.getByRole('button', { name: 'Save policy' }).click();
    await page.getByText('Policy saved').waitFor();
    expect(await findBarriers(page)).toEqual([]);

    const preview = await deployment.createPreview((service.address() as AddressInfo).port);
    await page.goto(`${url}/previews/${preview.id}/edit`);
    await page.getByRole('checkbox', { name: 'Keep the last requests' }).click();
    await page.getByLabel('Number of requests').fill('50');
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('The last 50, each for 24 h. Pages say so.').waitFor();

    for (const target of ['/pears', '/plums']) await visit(deployment.port, preview.hostname, target);
    await expect
      .poll(() => deployment.api('GET', `/previews/${preview.id}/kept-exchanges`), { timeout: 20_000 })
      .toMatchObject({ items: [{}, {}] });
    await page.goto(`${url}/previews/${preview.id}/requests`);
    await page.getByRole('tab', { name: 'Kept' }).click();
    await page.getByRole('button', { name: '/pears' }).waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole('searchbox', { name: 'Search kept requests' }).fill('plum');
    await page.getByRole('button', { name: '/pears' }).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: '/plums' }).click();
    const details = page.getByRole('dialog');
    await details.getByRole('tab', { name: 'Response' }).click();
    await details.getByText('answer').waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await details.getByRole('button', { name: 'Replay', exact: true }).click();
    await details.getByRole('button', { name: 'Close' }).click();

    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export as HAR' }).click();
    expect((await download).suggestedFilename()).toBe('exchanges.har');
    await page.getByRole('button', { name: 'Delete all' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete all' }).click();
    await page.getByRole('heading', { name: 'No kept requests' }).waitFor();
    expect(faults).toEqual([]);
  });
});
