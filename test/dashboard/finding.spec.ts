import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import {
  type Dashboard,
  findBarriers,
  settled,
  startDashboard,
  watchForFaults,
} from '../support/dashboard.js';

/** Finding things by name, and errors of a form with missing fields, with more than one cluster. */
let dashboard: Dashboard;
let page: Page;
let faults: string[];
let previewId: string;
let managerId: string;

beforeAll(async () => {
  dashboard = await startDashboard(inject('chromiumPath'));
  const { api } = dashboard.deployment;
  const create = (name: string) =>
    api<{ id: string }>('POST', '/traffic-managers', { managerId: name, name });
  ({ id: managerId } = await create('harbor'));
  await create('mountain');
  ({ id: previewId } = await dashboard.deployment.createPreview(1, {
    trafficManagerId: managerId,
    intercept: { name: 'lighthouse', workload: 'beacon', namespace: 'coast' },
  }));
  page = await dashboard.signIn();
  page.setDefaultTimeout(20_000);
  faults = watchForFaults(page);
});
afterEach(() => expect(faults.splice(0)).toEqual([]));
afterAll(() => dashboard?.stop());

describe('finding things in the dashboard', () => {
  it.each([
    ['a preview by a part of its name', 'lightho', 'lighthouse', () => `/previews/${previewId}`],
    [
      'a preview by its workload, which its entry does not show',
      'beacon',
      'lighthouse',
      () => `/previews/${previewId}`,
    ],
    ['a traffic manager', 'HARB', 'harbor', () => `/connections/${managerId}`],
    ['an API key', 'first k', 'First key', () => '/api-keys'],
    ['a person', 'owner@', 'owner@example.test', () => '/team'],
    ['a page', 'audit', 'Audit log', () => '/audit-log'],
  ])('Ctrl-K finds %s', async (_what, typed, label, path) => {
    await page.goto(`${dashboard.url}/profile`);
    await settled(page);
    await page.keyboard.press('Control+k');
    await page.getByRole('textbox', { name: /^Find a page/ }).fill(typed);
    await page
      .getByRole('option')
      .filter({ hasText: label })
      .or(page.locator('[data-action]').filter({ hasText: label }))
      .first()
      .click();
    await expect.poll(() => page.url()).toBe(dashboard.url + path());
  });

  it('Ctrl-K reports that nothing matches once the server has responded', async () => {
    await page.goto(`${dashboard.url}/profile`);
    await settled(page);
    await page.keyboard.press('Control+k');
    await page.getByRole('textbox', { name: /^Find a page/ }).fill('no such thing');
    await page.getByText('Nothing matches').waitFor();
    expect(await page.locator('[data-action]').count()).toBe(0);
    await page.keyboard.press('Escape');
  });

  it('a missing choice of the cluster is shown at its field, which gets the focus', async () => {
    await page.goto(`${dashboard.url}/previews/new`);
    await settled(page);
    await page.getByLabel('Workload').fill('orders');
    await page.getByLabel('Ingress host').fill('orders.shop');
    await page.getByRole('button', { name: 'Create the preview' }).click();
    await page.getByText('Must be given: the team has several traffic managers').waitFor();
    const field = page.getByLabel('Traffic manager');
    const isFocused = () =>
      field.evaluate((node) => (node as unknown as { matches(selector: string): boolean }).matches(':focus'));
    await expect.poll(isFocused).toBe(true);
    expect(await page.getByRole('alert').count()).toBe(0);
    await field.selectOption({ label: 'harbor' });
    await page.getByRole('button', { name: 'Create the preview' }).click();
    await page.getByRole('heading', { level: 1, name: 'orders' }).waitFor();
  });

  it('an unknown address has a page of its own, with a way back', async () => {
    await page.goto(`${dashboard.url}/no/such/page`);
    await page.getByRole('heading', { level: 1, name: 'Page not found' }).waitFor();
    expect(await findBarriers(page)).toEqual([]);
    await page.getByRole('link', { name: 'Go to the dashboard' }).click();
    await page.waitForURL(`${dashboard.url}/`);
  });
});
