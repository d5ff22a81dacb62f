import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import {
  type Dashboard,
  fillSignIn,
  findBarriers,
  OWNER,
  settled,
  startDashboard,
  watchForFaults,
} from '../support/dashboard.js';
import { visit } from '../support/deployment.js';
import type { Program } from '../support/process.js';

/** From a new server to a preview that others open, by clicking and typing. */
const POLL = { timeout: 20_000 };

let dashboard: Dashboard;
let service: http.Server;
let page: Page;
let faults: string[];
let manager: Program | undefined;

beforeAll(async () => {
  service = http.createServer((request, response) => {
    response.setHeader('content-type', 'text/plain').end(`${request.method} ${request.url}`);
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  dashboard = await startDashboard(inject('chromiumPath'));
  page = await (await dashboard.newBrowser()).newPage();
  page.setDefaultTimeout(20_000);
  faults = watchForFaults(page);
});

afterAll(async () => {
  await manager?.stop();
  await dashboard?.stop();
  service.close();
});

const step = (title: string) =>
  page.getByRole('listitem').filter({ has: page.getByRole('heading', { name: title, exact: true }) });
const isDone = (title: string) => step(title).getByRole('img', { name: 'Done' }).count();

describe('the first day', () => {
  it('leads from the sign-in to a preview that is opened, made public and removed', async () => {
    // The default of most people.
    await page.emulateMedia({ reducedMotion: 'no-preference' });
    // A person who is not signed in returns to where they were going.
    await page.goto(`${dashboard.url}/previews?access=public`);
    await fillSignIn(page, OWNER);
    await page.waitForURL(`${dashboard.url}/previews?access=public`);
    await page.getByRole('navigation').getByRole('link', { name: 'Start' }).click();

    expect(await page.getByRole('tab').first().textContent()).toBe('This machine');
    await page
      .getByRole('region', { name: 'the commands', exact: true })
      .getByText('culvert expose 3000')
      .waitFor();
    await page.getByRole('tab', { name: 'Node' }).click();
    await page.getByRole('button', { name: 'Create a key' }).click();
    const key = (await page.getByRole('region', { name: 'the key' }).textContent()) ?? '';
    expect(key).toMatch(/^cvt_\w+$/);
    const commands = (await page.getByRole('region', { name: 'the commands' }).textContent()) ?? '';
    expect(commands).toContain(`CULVERT_URL=${dashboard.url} CULVERT_API_KEY='${key}'`);
    expect(await isDone('Connect a service')).toBe(0);

    // Does what the commands do.
    manager = await dashboard.deployment.startManager({
      CULVERT_API_KEY: key,
      CULVERT_MANAGER_ID: 'my-cluster',
      CULVERT_MANAGER_NAME: 'my cluster',
    });
    await expect.poll(() => isDone('Connect a service'), POLL).toBe(1);
    // Managers and sessions are fetched separately.
    await step('Connect a service').getByText('Connected now: my cluster').waitFor();

    await page.getByRole('button', { name: 'Create a preview' }).click();
    await page.getByRole('button', { name: 'Create the preview' }).click();
    expect(await page.getByText('Enter the host of the ingress').isVisible()).toBe(true);
    await page.getByLabel('Workload').fill('orders');
    await page.getByLabel('Ingress host').fill('127.0.0.1');
    await page.getByLabel('Port').fill(String((service.address() as AddressInfo).port));
    await page.getByRole('button', { name: 'Create the preview' }).click();
    await page.getByRole('heading', { level: 1, name: 'orders' }).waitFor();
    const address = (await page.getByRole('link', { name: /^http.*preview\.localhost/ }).textContent()) ?? '';
    const { host } = new URL(address);
    const statusOfVisit = async () => (await visit(dashboard.deployment.port, host, '/basket')).status;
    expect(await statusOfVisit()).toBe(401);

    // A member opens it in the same browser, while its requests are watched.
    const previewPage = page.url();
    await page.getByRole('navigation').getByRole('link', { name: 'Start' }).click();
    await step('Open the preview').getByRole('link', { name: 'See the request arrive' }).click();
    await page.getByRole('status').getByText('Live').waitFor();
    const visitor = await page.context().newPage();
    await visitor.goto(`${address}/basket`);
    expect(await visitor.textContent('body')).toBe('GET /basket');
    await visitor.close();
    await page.getByRole('table', { name: 'Exchanges' }).getByRole('button', { name: '/basket' }).click();
    await page.getByText('a signed-in person').waitFor();
    await page.getByRole('button', { name: 'Replay', exact: true }).click();
    await page.getByText('replayed from here').waitFor();
    await page.keyboard.press('Escape');
    await expect
      .poll(() =>
        page.getByRole('table', { name: 'Exchanges' }).getByRole('button', { name: '/basket' }).count(),
      )
      .toBe(2);
    await page.getByRole('link', { name: 'orders' }).click();
    expect(page.url()).toBe(previewPage);

    await page.getByRole('button', { name: 'Make publicly accessible' }).click();
    await page.getByRole('button', { name: 'Require authentication' }).waitFor();
    await expect.poll(statusOfVisit, POLL).toBe(200);
    await page.getByRole('alert').getByRole('button', { name: 'Undo' }).click();
    await page.getByRole('button', { name: 'Make publicly accessible' }).waitFor();
    await expect.poll(statusOfVisit, POLL).toBe(401);

    await page.getByRole('button', { name: 'Create a share link' }).click();
    await page.getByRole('dialog').getByLabel('Name').fill('For the client');
    await page.getByRole('dialog').getByRole('button', { name: 'Create' }).click();
    const link = (await page.getByRole('region', { name: 'the link' }).textContent()) ?? '';
    await page.getByRole('button', { name: 'Done' }).click();
    const guest = await (await dashboard.newBrowser()).newPage();
    await guest.goto(link);
    expect(await guest.textContent('body')).toContain('GET /');
    await guest.context().close();

    await page.getByRole('button', { name: 'QR code' }).click();
    await page.getByRole('img', { name: `QR code of ${address}` }).waitFor();
    await page.keyboard.press('Escape');

    await page.getByRole('button', { name: 'Edit', exact: true }).click();
    await page.getByRole('button', { name: 'Add a header' }).click();
    await page.getByLabel('Name of header 1').fill('host');
    await page.getByLabel('Value of header 1').fill('x');
    await page.getByRole('button', { name: 'Save' }).click();
    // The server makes the final check, and its error appears at the field.
    await page
      .getByRole('group', { name: /Headers/ })
      .getByRole('alert')
      .waitFor();
    await page.getByLabel('Name of header 1').fill('x-dev');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('x-dev').waitFor();

    await page.getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await page.getByRole('heading', { name: 'No previews yet' }).waitFor();
    await expect.poll(statusOfVisit, POLL).toBe(401);

    await page.getByRole('navigation').getByRole('link', { name: 'API keys' }).click();
    await page.getByRole('button', { name: 'Actions for Traffic manager' }).click();
    await page.getByRole('menuitem', { name: 'Revoke' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('navigation').getByRole('link', { name: 'Connections' }).click();
    const connection = page.getByRole('row').filter({ hasText: 'my cluster' });
    await expect.poll(() => connection.textContent(), POLL).toContain('Reconnecting');
    expect((await dashboard.deployment.apiStatus('GET', '/previews', undefined, key)).status).toBe(401);
    expect(faults).toEqual([]);
  });

  it('is accessible in light, in dark and on a phone', async () => {
    const preview = await dashboard.deployment.createPreview((service.address() as AddressInfo).port, {
      intercept: { name: 'look', workload: 'web', namespace: 'shop', client: 'ann@laptop' },
    });
    await page.emulateMedia({ reducedMotion: 'reduce' });
    for (const path of [
      '/',
      '/previews',
      '/previews/new',
      `/previews/${preview.id}`,
      `/previews/${preview.id}/edit`,
    ]) {
      await page.goto(dashboard.url + path);
      await settled(page);
      expect([path, await findBarriers(page)]).toEqual([path, []]);
    }
    expect(faults).toEqual([]);
  });

  it('works without a mouse', async () => {
    for (const name of ['apples', 'pears'])
      await dashboard.deployment.createPreview((service.address() as AddressInfo).port, {
        intercept: { name, workload: 'web', namespace: 'shop' },
      });
    await page.goto(`${dashboard.url}/`);
    await settled(page);
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content');
    await page.keyboard.press('g');
    await page.keyboard.press('p');
    await page.getByRole('heading', { level: 1, name: 'Previews' }).waitFor();
    await page.keyboard.press('/');
    await page.keyboard.type('pears');
    await expect.poll(() => page.getByRole('link', { name: /^(apples|pears)$/ }).count(), POLL).toBe(1);
    await page.getByRole('button', { name: /^Actions for/ }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: 'Require authentication' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('row').getByText('team', { exact: true }).waitFor();
    await page.keyboard.press('Control+k');
    await page.getByRole('textbox', { name: /^Find a page/ }).waitFor();
    await page.keyboard.type('new');
    await page.keyboard.press('Escape');
    await page.getByRole('textbox', { name: /^Find a page/ }).waitFor({ state: 'detached' });
  });
});
