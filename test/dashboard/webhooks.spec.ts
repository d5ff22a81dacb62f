import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Locator, Page } from 'playwright-core';
import { Webhook } from 'standardwebhooks';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import {
  type Dashboard,
  findBarriers,
  settled,
  startDashboard,
  watchForFaults,
} from '../support/dashboard.js';

/** A webhook's life in the dashboard, by clicking and typing. */
const POLL = { timeout: 20_000 };

let dashboard: Dashboard;
let receiver: http.Server;
let page: Page;
let faults: string[];
const received: { headers: http.IncomingHttpHeaders; body: string }[] = [];

beforeAll(async () => {
  receiver = http.createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (part: string) => (body += part));
    request.on('end', () => {
      received.push({ headers: request.headers, body });
      response.end('thanks');
    });
  });
  receiver.listen(0, '127.0.0.1');
  await once(receiver, 'listening');
  dashboard = await startDashboard(inject('chromiumPath'), {
    WEBHOOK_ALLOW_HTTP: 'true',
    WEBHOOK_ALLOWED_NETWORKS: '127.0.0.0/8',
  });
  page = await dashboard.signIn();
  page.setDefaultTimeout(POLL.timeout);
  faults = watchForFaults(page);
});

afterAll(async () => {
  await dashboard?.stop();
  receiver.close();
});

const dialog = (): Locator => page.getByRole('dialog');
const row = (name: string): Locator => page.getByRole('row').filter({ hasText: name });

describe('a webhook', () => {
  it('is created, tested, sent again, disabled and deleted', async () => {
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/hook`;
    await page.goto(`${dashboard.url}/team`);
    await settled(page);
    await page.getByRole('button', { name: 'Create webhook' }).click();
    await dialog().getByRole('textbox', { name: 'Name' }).fill('Chat');
    await dialog().getByRole('textbox', { name: 'URL' }).fill(url);
    await dialog().getByRole('button', { name: 'Create webhook' }).click();
    const secret = await dialog().getByRole('region', { name: 'the secret' }).textContent();
    await dialog().getByRole('button', { name: 'Done' }).click();
    await expect.poll(() => row('Chat').textContent()).toContain('Enabled');
    expect(await page.content()).not.toContain(secret);

    await page.getByRole('link', { name: 'Chat' }).click();
    await page.getByRole('button', { name: 'Send test' }).click();
    await expect.poll(() => row('Delivered').count(), POLL).toBe(1);
    const [{ headers, body }] = received as [(typeof received)[number]];
    expect(new Webhook(secret ?? '').verify(body, headers as Record<string, string>)).toMatchObject({
      type: 'webhook.test',
    });

    await page.getByRole('button', { name: 'Details of Test' }).click();
    await expect.poll(() => dialog().textContent()).toContain('thanks');
    expect(await findBarriers(page)).toEqual([]);
    await dialog().getByRole('button', { name: 'Send again' }).click();
    await expect.poll(() => received.length, POLL).toBe(2);
    await page.keyboard.press('Escape');

    for (const [action, state] of [
      ['Disable', 'Disabled'],
      ['Enable', 'Enabled'],
    ] as const) {
      await page.getByRole('button', { name: 'Actions for Chat' }).click();
      await page.getByRole('menuitem', { name: action }).click();
      await page.getByText(state, { exact: true }).first().waitFor();
    }
    await page.getByRole('button', { name: 'Actions for Chat' }).click();
    await page.getByRole('menuitem', { name: 'Delete webhook' }).click();
    await dialog().getByRole('button', { name: 'Delete webhook' }).click();
    await page.getByText('No webhooks.').waitFor();
    expect(faults).toEqual([]);
  });
});
