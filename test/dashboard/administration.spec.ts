import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { createStore } from '@culvert/store';
import { Deferred, TelepresenceClient, type TestDatabase } from '@culvert/testkit';
import type { Locator, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import {
  type Dashboard,
  fillSignIn,
  findBarriers,
  OWNER,
  settled,
  startDashboard,
  watchForFaults,
} from '../support/dashboard.js';
import { createDatabase } from '../support/database.js';
import type { Program } from '../support/process.js';

/**
 * The main task of each page: connections, intercepts, keys, the team, its log and the profile, by clicking and typing.
 */
const HOSTILE = '<img src=x onerror=alert(1)>"\'';
const POLL = { timeout: 20_000 };

let dashboard: Dashboard;
let database: TestDatabase;
let service: http.Server;
let ownersPage: Page;
let page: Page;
let faults: string[];
const managers: Program[] = [];

beforeAll(async () => {
  service = http.createServer((_request, response) => void response.end('hello'));
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  database = await createDatabase();
  dashboard = await startDashboard(inject('chromiumPath'), { DATABASE_URL: database.url });
  ownersPage = await dashboard.signIn();
  ownersPage.setDefaultTimeout(POLL.timeout);
  faults = watchForFaults(ownersPage);
});

// One page for all tests, since each costs a process, except where the memory of a browser matters.
beforeEach(async () => {
  page = ownersPage;
  await page.goto(dashboard.url);
});

afterEach(async () => {
  expect(faults.splice(0)).toEqual([]);
  if (page !== ownersPage) await page.context().close();
  await Promise.all(managers.splice(0).map((manager) => manager.stop()));
});

afterAll(async () => {
  await dashboard?.stop();
  service.close();
});

const servicePort = (): number => (service.address() as AddressInfo).port;
const api: Dashboard['deployment']['api'] = (...call) => dashboard.deployment.api(...call);

async function startManager(managerId: string, env: Record<string, string> = {}): Promise<Program> {
  const manager = await dashboard.deployment.startManager({ CULVERT_MANAGER_ID: managerId, ...env });
  managers.push(manager);
  return manager;
}

async function go(path: string, on = page): Promise<void> {
  await on.goto(dashboard.url + path);
  await settled(on);
}

/** Opens a section with the navigation, as people do. */
async function open(section: string): Promise<void> {
  await page.getByRole('navigation').getByRole('link', { name: section, exact: true }).click();
  await page.getByRole('heading', { level: 1, name: section }).waitFor();
  await settled(page);
}

const row = (name: string | RegExp, on = page): Locator => on.getByRole('row').filter({ hasText: name });

async function choose(menu: string, action: string): Promise<void> {
  await page.getByRole('button', { name: menu, exact: true }).click();
  await page.getByRole('menuitem', { name: action }).click();
}

const dialog = (): Locator => page.getByRole('dialog');

/** Returns the secret that a dialog shows once. */
async function takeSecret(what: string): Promise<string> {
  return (
    (await dialog()
      .getByRole('region', { name: `the ${what}` })
      .textContent()) ?? ''
  );
}

describe('API keys', () => {
  it('are created, used, rotated with an overlap and revoked, which closes what they opened', async () => {
    await open('API keys');
    await page.getByRole('button', { name: 'Create a key' }).click();
    await dialog().getByRole('textbox', { name: 'Name' }).fill('staging cluster');
    await dialog().getByText('Traffic manager', { exact: true }).click();
    await dialog().getByRole('button', { name: 'Create the key' }).click();
    const key = await takeSecret('key');
    expect(key).toMatch(/^cvt_\w{38}$/);
    await page.getByRole('button', { name: "I've copied it" }).click();
    // It is not shown again.
    expect(await page.content()).not.toContain(key);
    await expect.poll(() => row('staging cluster').textContent()).toContain('Connect traffic managers');
    expect(await row('staging cluster').textContent()).toContain('never');

    await startManager('keyed', { CULVERT_API_KEY: key });
    await choose('Actions for staging cluster', 'Rotate');
    await dialog().getByRole('button', { name: 'Rotate' }).click();
    const next = await takeSecret('key');
    expect(next).not.toBe(key);
    await page.getByRole('button', { name: "I've copied it" }).click();
    await expect.poll(() => row('staging cluster').count()).toBe(2);
    expect(await row('Expires soon').textContent()).toContain('staging cluster');
    expect((await dashboard.deployment.apiStatus('GET', '/previews', undefined, next)).status).not.toBe(401);

    for (const left of [1, 0]) {
      await page.getByRole('button', { name: 'Actions for staging cluster' }).first().click();
      await page.getByRole('menuitem', { name: 'Revoke' }).click();
      await dialog().getByRole('button', { name: 'Revoke' }).click();
      await expect.poll(() => row('staging cluster').count(), POLL).toBe(left);
    }
    for (const each of [key, next])
      expect((await dashboard.deployment.apiStatus('GET', '/previews', undefined, each)).status).toBe(401);
    await open('Connections');
    await expect.poll(() => row('keyed').textContent(), POLL).toContain('Reconnecting');
  });

  it('explain why one cannot be created', async () => {
    await go('/api-keys');
    await page.getByRole('button', { name: 'Create a key' }).click();
    await dialog().getByRole('textbox', { name: 'Name' }).fill('   ');
    await dialog().getByRole('button', { name: 'Create the key' }).click();
    expect(await dialog().getByRole('alert').textContent()).toMatch(/name/i);
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'detached' });
  });
});

describe('connections', () => {
  it('show when and why a traffic manager connects and disconnects, and its load', async () => {
    await open('Connections');
    const manager = await startManager('production', { CULVERT_CLUSTER_ID: 'europe' });
    // Without a reload.
    await expect.poll(() => row('production').textContent(), POLL).toContain('Connected');
    expect(await row('production').textContent()).toContain('europe');
    await row('production').getByRole('link').click();
    await page.getByText('Round trip').waitFor();
    await page.getByText('the API key “First key”').waitFor();
    await expect.poll(() => page.getByRole('main').textContent(), POLL).toContain('127.0.0.1');
    await manager.stop();
    await expect
      .poll(() => page.getByRole('main').getByRole('listitem').allTextContents(), POLL)
      .toEqual([
        expect.stringContaining('Disconnected: the traffic manager stopped'),
        expect.stringContaining('Connected'),
      ]);
    expect(await page.getByRole('main').textContent()).toContain('Reconnecting');
  });

  it('end a session for good, and record it in the history', async () => {
    await startManager('unruly');
    await go('/connections');
    const name = await row('unruly').getByRole('link').textContent();
    await row('unruly').getByRole('button').click();
    await page.getByRole('menuitem', { name: 'End the session' }).click();
    await dialog().getByRole('button', { name: 'End the session' }).click();
    await expect.poll(() => row('unruly').textContent(), POLL).toContain('Away');
    await row('unruly').getByRole('link', { name: name! }).click();
    await expect
      .poll(() => page.getByRole('main').textContent(), POLL)
      .toContain('Session ended: the session was ended over the API or in the dashboard');
  });

  it('rename and delete a traffic manager, and list what is deleted with it', async () => {
    const { id } = await api<{ id: string }>('POST', '/traffic-managers', {
      managerId: 'old',
      name: HOSTILE,
    });
    const preview = await dashboard.deployment.createPreview(servicePort(), { trafficManagerId: id });
    await go('/connections');
    await page.getByRole('searchbox', { name: 'Search traffic managers' }).fill('onerror');
    await expect.poll(() => page.getByRole('row').count()).toBe(2);
    await choose(`Actions for ${HOSTILE}`, 'Rename');
    await dialog().getByRole('textbox', { name: 'Name' }).fill('Old lab');
    await page.keyboard.press('Enter');
    await dialog().waitFor({ state: 'detached' });
    await page.getByRole('searchbox').fill('old lab');
    await row('Old lab').waitFor();
    await choose('Actions for Old lab', 'Delete');
    expect(await dialog().textContent()).toContain(preview.hostname);
    expect(await dialog().textContent()).toContain('1 intercept');
    await dialog().getByRole('button', { name: 'Delete' }).click();
    await row('Old lab').waitFor({ state: 'detached' });
    expect((await dashboard.deployment.apiStatus('GET', `/previews/${preview.id}`)).status).toBe(404);
  });
});

describe('intercepts', () => {
  it('intercepts are found by workload and namespace, with client, state and preview, and removed', async () => {
    const { id } = await api<{ id: string }>('POST', '/traffic-managers', { managerId: 'shop-cluster' });
    const describe_ = (workload: string, namespace: string, client: string) =>
      dashboard.deployment.createPreview(servicePort(), {
        trafficManagerId: id,
        intercept: {
          name: workload,
          workload,
          namespace,
          client,
          mechanism: 'http',
          mechanismArgs: ['--http-header=x-user=ann'],
          disposition: workload === 'cart' ? 'NO_AGENT' : 'ACTIVE',
          message: workload === 'cart' ? 'no agent is there' : '',
        },
      });
    const checkout = await describe_('checkout', 'shop', HOSTILE);
    await describe_('cart', 'default', 'ben@desk');
    await open('Intercepts');
    await expect.poll(() => page.getByRole('row').count(), POLL).toBe(3);
    expect(await row('cart').textContent()).toMatch(/No agent.*no agent is there/);
    await page.getByRole('combobox', { name: 'Namespace' }).click();
    await page.getByRole('option', { name: 'shop' }).click();
    await expect.poll(() => page.getByRole('row').count()).toBe(2);
    const shown = await row('checkout').textContent();
    for (const text of [HOSTILE, '--http-header=x-user=ann', 'Active', checkout.hostname])
      expect(shown).toContain(text);
    // Without a reload.
    const { id: second } = await dashboard.deployment.createPreview(servicePort(), {
      trafficManagerId: undefined,
      intercept: undefined,
      interceptId: checkout.interceptId,
    });
    await expect.poll(() => row('checkout').getByRole('link').count(), POLL).toBe(2);
    await api('DELETE', `/previews/${second}`);
    await expect.poll(() => row('checkout').getByRole('link').count(), POLL).toBe(1);
    await choose('Actions for the intercept checkout', 'Remove');
    expect(await dialog().textContent()).toContain(checkout.hostname);
    await dialog().getByRole('button', { name: 'Remove' }).click();
    await row('checkout').waitFor({ state: 'detached' });
    expect((await dashboard.deployment.apiStatus('GET', `/previews/${checkout.id}`)).status).toBe(404);
  });

  it('a preview that Telepresence keeps showing is removed with a note, and restored', async () => {
    const store = await createStore({ databaseUrl: database.url, dataDir: 'memory' });
    try {
      const { id: teamId } = await api<{ id: string }>('GET', '/team');
      const hostname = 'shown-by-telepresence.preview.localhost';
      // As an edge does if a Telepresence traffic manager asks for a preview.
      const opened = await store.requestedPreviews.open(teamId, {
        managerId: 'telepresence-1',
        managerName: 'Telepresence',
        interceptId: 'telepresence-1:invoices',
        intercept: {
          name: 'invoices',
          client: 'ann@laptop',
          workload: 'invoices',
          workloadKind: 'Deployment',
          namespace: 'shop',
          mechanism: 'http',
          mechanismArgs: [],
          targetHost: '127.0.0.1',
          targetPort: 80,
          serviceName: 'invoices',
          servicePortIdentifier: 'http',
          disposition: 'ACTIVE',
          message: '',
          metadata: {},
          headers: {},
        },
        preview: {
          hostname,
          ingress: {
            host: 'invoices.shop',
            port: 80,
            useTls: false,
            l5Host: 'invoices.shop',
            verifyTls: false,
            protocol: 'http1',
            addressedAs: 'l5host',
          },
          access: 'team',
          allowedEmails: [],
          allowedDomains: [],
          displayBanner: false,
          pullRequestUrl: null,
          addRequestHeaders: {},
          expiresAt: null,
        },
        maxPreviews: 100,
        at: new Date(),
      });
      if (typeof opened === 'string') throw new Error(opened);
      await go(`/previews/${opened.preview.id}`);
      await page.getByRole('button', { name: 'Remove' }).click();
      await dialog().getByText('telepresence preview remove invoices').waitFor();
      await dialog().getByRole('button', { name: 'Remove' }).click();
      await page.getByText(`Removed ${hostname}`).waitFor();
      await open('Intercepts');
      await row('invoices').getByText('Removed, but its traffic manager still shows it').waitFor();
      await choose('Actions for the intercept invoices', 'Restore preview');
      await page.getByText(`Restored ${hostname}`).waitFor();
      await row('invoices').getByRole('link', { name: hostname }).waitFor();
      await page.getByRole('button', { name: 'Actions for the intercept invoices', exact: true }).click();
      await page.getByRole('menuitem', { name: 'Remove' }).waitFor();
      expect(await page.getByRole('menuitem', { name: 'Restore preview' }).count()).toBe(0);
      await page.keyboard.press('Escape');
      await api('DELETE', `/intercepts/${encodeURIComponent('telepresence-1:invoices')}`);
    } finally {
      await store.close();
    }
  });
});

describe('the team', () => {
  // A list that loaded later moved the buttons below it: a click on one missed it, and did nothing.
  it('appears once all of it has loaded, so that nothing moves under the pointer', async () => {
    const path = '**/api/v1/team/members';
    const isHeld = new Deferred();
    await page.route(path, async (route) => {
      await isHeld.promise;
      await route.continue();
    });
    try {
      const others = page.waitForResponse('**/api/v1/team/invitations*');
      await page.getByRole('navigation').getByRole('link', { name: 'Team', exact: true }).click();
      await (await others).finished();
      await page.getByRole('heading', { level: 1, name: 'Team' }).waitFor();
      expect(await page.getByRole('button', { name: 'Invite a person' }).count()).toBe(0);
      isHeld.resolve();
      await page.getByRole('table', { name: 'Members' }).waitFor();
      expect(await page.getByRole('button', { name: 'Invite a person' }).count()).toBe(1);
    } finally {
      // The next tests use this page.
      isHeld.resolve();
      await page.unroute(path);
    }
  });

  it('invites a person by a link, changes their role, takes it back, and removes them', async () => {
    const ann = { email: 'ann@example.test', password: 'a password of my own' };
    await open('Team');
    await page.getByRole('button', { name: 'Invite a person' }).click();
    await dialog().getByRole('textbox', { name: 'Email address' }).fill(ann.email);
    await dialog().getByRole('button', { name: 'Invite' }).click();
    const first = await takeSecret('link');
    expect(await dialog().textContent()).toContain('This server does not send mail');
    await page.getByRole('button', { name: 'Done' }).click();
    await choose(`Actions for ${ann.email}`, 'Renew and copy the link');
    const link = await takeSecret('link');
    expect(link).not.toBe(first);
    await page.getByRole('button', { name: 'Done' }).click();

    const theirs = await (await dashboard.newBrowser()).newPage();
    await theirs.goto(first);
    expect(await theirs.getByLabel('New password').count()).toBe(0);
    await theirs.goto(link);
    await theirs.getByLabel('New password').fill(ann.password);
    await theirs.getByRole('button', { name: 'Set password and join Default' }).click();
    await theirs.waitForURL(`${dashboard.url}/`);

    const role = page.getByRole('combobox', { name: `Role of ${ann.email}` });
    await role.waitFor();
    await role.click();
    await page.getByRole('option', { name: 'Admin' }).click();
    await page.getByText('is now admin').waitFor();
    await page.getByRole('button', { name: 'Undo' }).click();
    await expect
      .poll(
        async () => (await api<{ items: { email: string; role: string }[] }>('GET', '/team/members')).items,
        POLL,
      )
      .toContainEqual(expect.objectContaining({ email: ann.email, role: 'member' }));

    // Actions that a member lacks the scope for are not offered.
    await go('/team', theirs);
    expect(await theirs.getByRole('navigation').getByRole('link', { name: 'Audit log' }).count()).toBe(0);
    expect(await theirs.getByRole('combobox', { name: /^Role of/ }).count()).toBe(0);
    expect(await theirs.getByRole('button', { name: /^Actions for/ }).count()).toBe(0);
    expect(await theirs.getByRole('textbox', { name: 'Name of the team' }).isDisabled()).toBe(true);
    expect(await findBarriers(theirs)).toEqual([]);

    // Her credentials would let others in after she is removed: the dialog lists and revokes them.
    const manager = await api<{ id: string }>('POST', '/traffic-managers', { managerId: 'shared-cluster' });
    const shared = await dashboard.deployment.createPreview(servicePort(), {
      trafficManagerId: manager.id,
      access: 'team',
    });
    const links = `/previews/${shared.id}/share-links`;
    const madeLink = await theirs.request.post(`${dashboard.url}/api/v1${links}`, {
      data: { name: 'for the client' },
      headers: { origin: dashboard.url },
    });
    expect(madeLink.status()).toBe(201);
    await choose(`Actions for ${ann.email}`, 'Remove from the team');
    await dialog().getByText(`Share link “for the client” of ${shared.hostname}`).waitFor();
    expect(await dialog().textContent()).toContain(
      'Their API keys and programs stop working. Previews and workload identities stay.',
    );
    const endsAll = dialog().getByRole('checkbox', {
      name: /Revoke share links, preview tokens and invitations/,
    });
    expect(await endsAll.isChecked()).toBe(true);
    await dialog().getByRole('button', { name: 'Remove' }).click();
    await page.getByText(/^Removed /).waitFor();
    await row(ann.email).waitFor({ state: 'detached' });
    const { items: ended } = await api<{ items: { revokedAt: string | null }[] }>('GET', links);
    expect(ended).toEqual([expect.objectContaining({ revokedAt: expect.any(String) as string })]);
    await api('DELETE', `/previews/${shared.id}`);
    // Simulates TEAM_CREATION=members.
    await theirs.route('**/api/v1/me', async (route) => {
      const response = await route.fetch();
      await route.fulfill({ response, json: { ...(await response.json()), mayCreateTeam: false } });
    });
    await theirs.reload();
    await theirs.getByText(`Ask an owner or admin of a team to invite ${ann.email}`).waitFor();
    expect(await theirs.getByRole('button', { name: 'Create the team' }).count()).toBe(0);
    await theirs.unroute('**/api/v1/me');
    await theirs.reload();
    await theirs.getByRole('heading', { name: 'You are not in a team yet' }).waitFor();
    await theirs.getByRole('textbox', { name: 'Name of the team' }).fill('Hers');
    await theirs.getByRole('button', { name: 'Create the team' }).click();
    await theirs.getByRole('navigation').getByText('Hers', { exact: true }).waitFor();
    await theirs.context().close();
  });

  it('lets jobs of a repository sign in, disables that, and deletes it', async () => {
    page = await dashboard.signIn();
    await go('/team');
    await page.getByRole('button', { name: 'Create a workload identity' }).click();
    await dialog().getByRole('textbox', { name: 'Name' }).fill('Jobs of the shop');
    await dialog().getByRole('textbox', { name: 'Repository' }).fill('*/shop');
    await dialog().getByRole('button', { name: 'Create' }).click();
    await dialog().getByText('must include one that names the owner').waitFor();
    await dialog().getByRole('textbox', { name: 'Repository' }).fill('acme/shop');
    await dialog().getByRole('textbox', { name: 'Event' }).fill('pull_request');
    await dialog().getByRole('button', { name: 'Create' }).click();
    await dialog().getByText('CULVERT_WORKLOAD_IDENTITY=').waitFor();
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByText('event_name = pull_request').waitFor();

    await choose('Actions for Jobs of the shop', 'Disable');
    await page.getByText('Jobs of the shop (disabled)').waitFor();
    expect(await api('GET', '/workload-identities')).toMatchObject({
      items: [{ enabled: false, conditions: [{ claim: 'repository', values: ['acme/shop'] }, {}] }],
    });
    await choose('Actions for Jobs of the shop', 'Delete');
    await dialog().getByRole('button', { name: 'Delete' }).click();
    await page.getByText('No workload identities.').waitFor();
  });

  it('is renamed, configured, and joined by another one', async () => {
    // The team that it last showed.
    page = await dashboard.signIn();
    await go('/team');
    await page.getByRole('textbox', { name: 'Name of the team' }).fill('Shop');
    await page.getByRole('combobox', { name: 'Unused previews end' }).click();
    await page.getByRole('option', { name: 'After a week' }).click();
    await page.getByRole('button', { name: 'Save', exact: true }).click();
    await page.getByText('Settings saved').waitFor();
    expect(await api('GET', '/team')).toMatchObject({ name: 'Shop', previewIdleExpirySeconds: 604_800 });
    await page.getByRole('button', { name: 'Create another team' }).click();
    await dialog().getByRole('textbox', { name: 'Name of the team' }).fill('Lab');
    await dialog().getByRole('button', { name: 'Create the team' }).click();
    await page.getByRole('button', { name: 'Team: Lab. Switch team' }).waitFor();
    await open('Team');
    await page.getByRole('button', { name: 'Leave this team' }).click();
    await dialog().getByRole('button', { name: 'Leave' }).click();
    // The last owner stays.
    await page.getByText('The team could not be left').waitFor();
  });
});

describe('the audit log', () => {
  it('is filtered, shows previous and new values, and is exported', async () => {
    const { id } = await api<{ id: string }>('POST', '/traffic-managers', {
      managerId: 'logged',
      name: 'before',
    });
    await api('PATCH', `/traffic-managers/${id}`, { name: HOSTILE });
    await open('Audit log');
    await page.getByRole('combobox', { name: 'Action' }).fill('traffic-manager.update');
    await page.getByRole('textbox', { name: 'Target' }).fill('ONERROR');
    await expect.poll(() => page.getByRole('row').count(), POLL).toBe(2);
    const shown = (await row('renamed').textContent()) ?? '';
    expect(shown).toContain(`renamed the traffic manager "before" to ${HOSTILE}`);
    expect(shown).toMatch(
      /Key “First key”.*\d{1,2} \w{3} \d{4}, \d\d:\d\d:\d\d \S+|\d:\d\d:\d\d \S+.*Key “First key”/,
    );
    expect(await row('renamed').getByRole('link').getAttribute('href')).toBe(`/connections/${id}`);
    await page.getByRole('button', { name: /^Details: renamed/ }).click();
    expect(await dialog().getByRole('row').last().textContent()).toBe(`namebefore${HOSTILE}`);
    await page.keyboard.press('Escape');
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export as CSV' }).click();
    const csv = readFileSync(await (await download).path(), 'utf8')
      .trim()
      .split('\n');
    expect(csv).toHaveLength(2);
    expect(csv[1]).toContain('traffic-manager.update');
    await page.getByRole('combobox', { name: 'Action' }).fill('nothing');
    await page.getByText('Use a name such as preview.create').waitFor();
    await page.getByRole('combobox', { name: 'Action' }).fill('nothing.at-all');
    await page.getByRole('button', { name: 'Clear filters' }).click();
    await expect.poll(() => page.getByRole('row').count(), POLL).toBeGreaterThan(2);
  });
});

describe('the profile', () => {
  it('revokes the access of a program at once', async () => {
    const program = new TelepresenceClient({ version: '2.8.5', url: dashboard.url });
    const consent = await page.context().newPage();
    await program.login((url) => {
      void consent.goto(url).then(() => consent.getByRole('button', { name: 'Allow' }).click());
    });
    await consent.close();
    const token = await program.accessToken();
    const statusOfUse = async () =>
      (
        await page.request.get(`${dashboard.url}/api/userinfo`, {
          headers: { authorization: `Bearer ${token}` },
        })
      ).status();
    expect(await statusOfUse()).toBe(200);
    await open('Profile');
    const end = page.getByRole('button', { name: /^Revoke access of Telepresence in / });
    await end.click();
    await dialog().getByRole('button', { name: 'Cancel' }).click();
    await dialog().waitFor({ state: 'detached' });
    expect(await statusOfUse()).toBe(200);
    await end.click();
    await dialog().getByRole('button', { name: 'Revoke access' }).click();
    await page
      .getByText('None. A program appears here when you run culvert login or telepresence login.')
      .waitFor();
    expect(await statusOfUse()).toBe(401);
  });

  it('signs out another browser, and changes the password, which signs out all others', async () => {
    const other = await dashboard.signIn();
    await open('Profile');
    await page.getByText('With a password').waitFor();
    await page
      .getByRole('button', { name: /^Sign out Chrome on Linux/ })
      .first()
      .click();
    await page.getByText('Signed out Chrome on Linux').waitFor();
    await other.goto(`${dashboard.url}/profile`);
    expect(other.url()).toContain('/sign-in');

    await fillSignIn(other, OWNER);
    await other.waitForURL(`${dashboard.url}/profile`);
    await page.getByRole('textbox', { name: 'Current password' }).fill('wrong');
    await page.getByRole('textbox', { name: 'New password' }).fill('wrong donkey staple');
    await page.getByRole('button', { name: 'Change password' }).click();
    expect(await page.getByRole('main').getByRole('alert').textContent()).toContain('wrong');
    await page.getByRole('textbox', { name: 'Current password' }).fill(OWNER.password);
    await page.getByRole('button', { name: 'Change password' }).click();
    await page.getByText('Password changed. Your other browsers are signed out.').waitFor();
    // It goes there by itself, because its stream of changes ends with its session.
    await other.waitForURL(/\/sign-in\?/);
    await other.context().close();
    const back = { currentPassword: 'wrong donkey staple', newPassword: OWNER.password };
    const answer = await page.request.post(`${dashboard.url}/api/v1/me/password`, {
      data: back,
      headers: { origin: dashboard.url },
    });
    expect(answer.status()).toBe(204);
  });
});

describe('every page', () => {
  it('has no accessibility barriers on any page, in light, in dark and on a phone, with hostile names too', async () => {
    const { id } = await api<{ id: string }>('POST', '/traffic-managers', {
      managerId: 'hostile',
      name: HOSTILE,
      clusterId: HOSTILE,
    });
    await dashboard.deployment.createPreview(servicePort(), {
      trafficManagerId: id,
      intercept: {
        name: 'hostile',
        workload: 'hostile',
        client: HOSTILE,
        mechanismArgs: [HOSTILE],
        message: HOSTILE,
      },
    });
    await api('POST', '/api-keys', { name: HOSTILE, scopes: ['team:read'] });
    const found: string[] = [];
    const paths = [
      '/connections',
      `/connections/${id}`,
      '/intercepts',
      '/api-keys',
      '/team',
      '/audit-log',
      '/profile',
    ];
    for (const path of paths) {
      await go(path);
      found.push(...(await findBarriers(page)).map((barrier) => `${path} ${barrier}`));
      if ((await page.locator('main img').count()) > 0) found.push(`${path}: text became markup`);
    }
    expect(found).toEqual([]);
  });

  it('works by keyboard alone', async () => {
    await settled(page);
    await page.keyboard.press('g');
    await page.keyboard.press('k');
    await page.getByRole('heading', { level: 1, name: 'API keys' }).waitFor();
    await settled(page);
    await page.keyboard.press('/');
    await page.keyboard.type('First');
    await expect.poll(() => page.getByRole('row').count(), POLL).toBe(2);
    const actions = page.getByRole('button', { name: /^Actions for/ });
    for (let presses = 0; presses < 20 && !(await isFocused(actions)); presses++)
      await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    await page.getByRole('menuitem', { name: 'Rename' }).waitFor();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await dialog().waitFor();
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'detached' });
    await expect.poll(() => isFocused(actions)).toBe(true);
  });
});

function isFocused(what: Locator): Promise<boolean> {
  return what.evaluate((element) => element === element.ownerDocument.activeElement);
}
