import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Dashboard, settled, startDashboard } from '../support/dashboard.js';

/** Every dialog, with names of the maximum length: nothing is wider than the dialog, at any width. */
const WIDTHS = [320, 480, 768, 1024, 1280, 1920];
const HEIGHT = 900;
const LONG = 'W'.repeat(100);

let dashboard: Dashboard;
let page: Page;
let previewId: string;

beforeAll(async () => {
  dashboard = await startDashboard(inject('chromiumPath'));
  const { api } = dashboard.deployment;
  const { id } = await api<{ id: string }>('POST', '/traffic-managers', { managerId: 'lab', name: LONG });
  ({ id: previewId } = await dashboard.deployment.createPreview(1, {
    trafficManagerId: id,
    access: 'team',
    intercept: { name: LONG, workload: LONG.slice(0, 60), namespace: 'default' },
  }));
  await api('POST', '/api-keys', { name: LONG, scopes: ['tunnel'] });
  await api('POST', '/team/invitations', { email: INVITED });
  page = await dashboard.signIn();
  page.setDefaultTimeout(20_000);
});
afterAll(() => dashboard?.stop());

const INVITED = `${'a'.repeat(60)}@${'b'.repeat(60)}.test`;
const press = (name: string | RegExp) => page.getByRole('button', { name }).first().click();
const inDialog = (name: string) =>
  page.getByRole('dialog').getByRole('button', { name, exact: true }).click();
const fill = (label: string, text: string) => page.getByRole('dialog').getByLabel(label).fill(text);
const choose = async (menu: string | RegExp, item: string): Promise<void> => {
  await press(menu);
  await page.getByRole('menuitem', { name: item }).click();
};
const preview = (): string => `/previews/${previewId}`;

describe('the page with commands', () => {
  it.each<[name: string, path: () => string, open: () => Promise<unknown>]>([
    ['to invite a person', () => '/team', () => press('Invite a person')],
    [
      'with the link of an invitation',
      () => '/team',
      async () => {
        await press('Invite a person');
        await fill('Email address', `x${INVITED}`.slice(1, 60) + '@example.test');
        await inDialog('Invite');
        await page.getByRole('region', { name: 'the link' }).waitFor();
      },
    ],
    ['with a renewed link', () => '/team', () => choose(`Actions for ${INVITED}`, 'Renew and copy the link')],
    ['to revoke an invitation', () => '/team', () => choose(`Actions for ${INVITED}`, 'Revoke')],
    ['to create a team', () => '/team', () => press('Create another team')],
    ['to leave a team', () => '/team', () => press('Leave this team')],
    ['to create a key', () => '/api-keys', () => press('Create a key')],
    [
      'with a new key',
      () => '/api-keys',
      async () => {
        await press('Create a key');
        await fill('Name', LONG);
        await inDialog('Create the key');
        await page.getByRole('region', { name: 'the key' }).waitFor();
      },
    ],
    ['to rotate a key', () => '/api-keys', () => choose(`Actions for ${LONG}`, 'Rotate')],
    ['to revoke a key', () => '/api-keys', () => choose(`Actions for ${LONG}`, 'Revoke')],
    ['to create a share link', preview, () => press('Create a share link')],
    [
      'with a share link',
      preview,
      async () => {
        await press('Create a share link');
        await fill('Name', LONG);
        await inDialog('Create');
        await page.getByRole('region', { name: 'the link' }).waitFor();
      },
    ],
    [
      'with a preview token',
      preview,
      async () => {
        await page.getByRole('tab', { name: 'Tokens for machines' }).click();
        await press('Create a token');
        await fill('Name', LONG);
        await inDialog('Create');
        await page.getByRole('region', { name: 'the token' }).waitFor();
      },
    ],
    ['with a QR code', preview, () => press('QR code')],
    ['to remove a preview', preview, () => press('Remove')],
    ['to rename a traffic manager', () => '/connections', () => choose(`Actions for ${LONG}`, 'Rename')],
    ['to delete a traffic manager', () => '/connections', () => choose(`Actions for ${LONG}`, 'Delete')],
    ['to remove an intercept', () => '/intercepts', () => choose(/^Actions for the intercept/, 'Remove')],
    ['with an audit event', () => '/audit-log', () => press(/^Details: /)],
    ['to sign out other browsers', () => '/profile', () => press('Sign out all others')],
    ['with the shortcuts', () => '/profile', () => page.keyboard.press('?')],
    ['to find things', () => '/profile', () => page.keyboard.press('Control+k')],
  ])('the dialog %s contains everything within its width', async (_name, path, open) => {
    await page.setViewportSize({ width: 1280, height: HEIGHT });
    await page.goto(dashboard.url + path());
    await settled(page);
    await open();
    await page.getByRole('dialog').first().waitFor();
    const found: string[] = [];
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: HEIGHT });
      found.push(...(await overflowing(page)).map((text) => `${width} px: ${text}`));
    }
    expect(found).toEqual([]);
  });

  it('nothing on the page with commands is wider than the page, at any width', async () => {
    await page.goto(dashboard.url);
    await settled(page);
    for (const width of WIDTHS) {
      await page.setViewportSize({ width, height: HEIGHT });
      expect([width, await page.evaluate('document.documentElement.scrollWidth > innerWidth')]).toEqual([
        width,
        false,
      ]);
    }
  });
});

/** Returns what extends beyond the dialog or the window without being inside something that scrolls. */
function overflowing(on: Page): Promise<string[]> {
  return on.evaluate<string[]>(`(async () => {
    for (let frame = 0; frame < 2; frame++) await new Promise((resolve) => requestAnimationFrame(resolve));
    const dialog = document.querySelector('[role=dialog]');
    const { left, right } = dialog.getBoundingClientRect();
    const scrolls = (node) =>
      node !== dialog && ['auto', 'scroll'].includes(getComputedStyle(node).overflowX) ||
      (node.parentElement !== null && node !== dialog && scrolls(node.parentElement));
    const found = [...dialog.querySelectorAll('*')]
      .filter((node) => {
        const box = node.getBoundingClientRect();
        // What is a pixel wide is for screen readers.
        if (box.width <= 1) return false;
        return (box.right > right + 1 || box.left < left - 1) && !scrolls(node.parentElement);
      })
      .map((node) => node.tagName + ' ' + node.className + ': ' + node.textContent.slice(0, 60));
    if (dialog.scrollWidth > dialog.clientWidth + 1) found.push('the dialog scrolls sideways');
    if (right > innerWidth + 1 || left < -1) found.push('the dialog is wider than the window');
    return found;
  })()`);
}
