/**
 * `npm run screenshots -- [FOLDER [NAME…]]`: every page of the dashboard, or the named ones, in light, in dark and on a
 * phone.
 */
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { ensureChromium } from '../services/chromium.js';
import { type Dashboard, lookAs, OWNER, settled, startDashboard } from '../support/dashboard.js';
import { type Preview, visit } from '../support/deployment.js';

const LOOKS = ['light', 'dark', 'phone'] as const;

/** The resources on the pictures, with their history. */
interface World {
  readonly trafficManagerId: string;
  readonly previewId: string;
  /** Sends visitors' requests to the preview. */
  readonly beVisited: () => Promise<void>;
}

interface Picture {
  readonly path: (world: World) => string;
  /** Actions on the page before the picture is taken. */
  readonly act?: (page: Page, world: World) => Promise<void>;
}

/** Pictures by name. */
const PICTURES: Readonly<Record<string, Picture>> = {
  start: { path: () => '/', act: (page) => page.getByText('Connected now').waitFor() },
  previews: { path: () => '/previews' },
  'new-preview': { path: () => '/previews/new' },
  preview: { path: ({ previewId }) => `/previews/${previewId}` },
  inspector: { path: inspector, act: watch },
  'inspector-request': {
    path: inspector,
    act: async (page, world) => {
      await watch(page, world);
      await open(page);
    },
  },
  'inspector-replay': {
    path: inspector,
    act: async (page, world) => {
      await watch(page, world);
      await open(page);
      await page.getByRole('button', { name: 'Edit and replay' }).click();
      await page.getByLabel('Headers').waitFor();
    },
  },
  connections: { path: () => '/connections' },
  connection: { path: ({ trafficManagerId }) => `/connections/${trafficManagerId}` },
  intercepts: { path: () => '/intercepts' },
  'api-keys': { path: () => '/api-keys' },
  team: { path: () => '/team' },
  'audit-log': { path: () => '/audit-log' },
  profile: { path: () => '/profile' },
};

const ORDER = '/api/orders?from=basket';

/** Requests of visitors, in turn. */
const REQUESTS: readonly (readonly [target: string, method?: string, body?: string])[] = [
  ['/'],
  ['/assets/shop.css'],
  ['/assets/shop.js'],
  ['/api/basket'],
  ['/api/articles?query=umbrella&page=2'],
  ['/favicon.ico'],
  ['/api/basket/items', 'POST', '{"article":17,"count":2}'],
  ['/api/recommendations'],
  [ORDER, 'POST', '{"basket":"b-4711","address":"Harbour Street 7","gift":true}'],
  ['/orders/2031'],
];

function inspector({ previewId }: World): string {
  return `/previews/${previewId}/requests`;
}

async function watch(page: Page, { beVisited }: World): Promise<void> {
  await page.getByRole('switch', { name: 'Capture bodies' }).click();
  await page.getByRole('status').getByText('Live').waitFor();
  await beVisited();
  await page.getByRole('button', { name: '/orders/2031' }).first().waitFor();
}

async function open(page: Page): Promise<void> {
  await page.getByRole('button', { name: ORDER }).first().click();
  await page.getByRole('region', { name: 'the request body' }).waitFor();
}

/** Responses of a shop, as far as they are visible. */
function answer(request: http.IncomingMessage, response: http.ServerResponse): void {
  const { url = '' } = request;
  const status = url === '/favicon.ico' ? 404 : url.startsWith('/api/recommendations') ? 500 : 200;
  const isApi = url.startsWith('/api/');
  request.resume().on('end', () => {
    setTimeout(
      () => {
        response.writeHead(url.startsWith(ORDER) ? 201 : status, {
          'content-type': isApi ? 'application/json' : 'text/html',
          'set-cookie': 'basket=b-4711; Path=/',
        });
        response.end(isApi ? '{"order":2031,"state":"accepted"}' : `<p>${'shop '.repeat(200)}</p>`);
      },
      isApi ? 40 : 4,
    );
  });
}

const WORKLOADS = [
  { workload: 'checkout', namespace: 'shop', client: 'ann@laptop', disposition: 'ACTIVE', message: '' },
  { workload: 'cart', namespace: 'shop', client: 'ben@desk', disposition: 'ACTIVE', message: '' },
  {
    workload: 'payments',
    namespace: 'billing',
    client: 'chris@tower',
    disposition: 'NO_AGENT',
    message: 'the agent did not start',
  },
] as const;

async function build(dashboard: Dashboard, servicePort: number): Promise<World> {
  const { deployment } = dashboard;
  for (const [managerId, clusterId] of [
    ['staging', 'europe-west'],
    ['review-apps', 'us-east'],
  ] as const) {
    await deployment.startManager({
      CULVERT_MANAGER_ID: managerId,
      CULVERT_CLUSTER_ID: clusterId,
      CULVERT_MANAGER_NAME: managerId,
    });
  }
  await deployment.api('POST', '/traffic-managers', { managerId: 'lab', name: 'lab' });
  const managers = await deployment.api<{ items: { id: string; managerId: string }[] }>(
    'GET',
    '/traffic-managers',
  );
  const trafficManagerId = managers.items.find(({ managerId }) => managerId === 'staging')!.id;
  const previews: Preview[] = [];
  for (const intercept of WORKLOADS) {
    const mechanismArgs = [`--http-header=x-user=${intercept.client.split('@')[0]}`];
    previews.push(
      await deployment.createPreview(servicePort, {
        trafficManagerId,
        intercept: { name: intercept.workload, ...intercept, mechanism: 'http', mechanismArgs },
        access: intercept.workload === 'cart' ? 'team' : 'public',
      }),
    );
  }
  const beVisited = async (): Promise<void> => {
    for (const [target, method = 'GET', body] of REQUESTS) {
      const headers = {
        'user-agent': 'Mozilla/5.0 (X11; Linux x86_64)',
        accept: 'application/json',
        'accept-language': 'en',
        cookie: 'basket=b-4711',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      };
      await visit(deployment.port, previews[0].hostname, target, {
        method,
        headers,
        ...(body === undefined ? {} : { body }),
      });
    }
  };
  await beVisited();
  await whenCounted(deployment, previews[0].id);
  await deployment.api('POST', '/api-keys', {
    name: 'staging cluster',
    scopes: ['tunnel', 'previews:write'],
  });
  await deployment.api('POST', '/api-keys', {
    name: 'continuous integration',
    scopes: ['previews:read', 'previews:write'],
    expiresAt: new Date(Date.now() + 3 * 86_400_000).toISOString(),
  });
  await deployment.api('POST', '/team/invitations', { email: 'ben@example.com', role: 'admin' });
  return { trafficManagerId, previewId: previews[0].id, beVisited };
}

/** Resolves when edges have recorded the use and traffic of a preview, which takes up to a minute. */
async function whenCounted(deployment: Dashboard['deployment'], previewId: string): Promise<void> {
  for (;;) {
    const { lastUsedAt } = await deployment.api<{ lastUsedAt: string | null }>(
      'GET',
      `/previews/${previewId}`,
    );
    const { requests } = await deployment.api<{ requests: number[] }>(
      'GET',
      `/previews/${previewId}/metrics`,
    );
    if (lastUsedAt !== null && requests.some((count) => count > 0)) return;
    await sleep(500);
  }
}

async function main(folder: string, names: readonly string[]): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const service = http.createServer(answer);
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  const dashboard = await startDashboard(await ensureChromium());
  try {
    const world = await build(dashboard, (service.address() as AddressInfo).port);
    const page = await dashboard.signIn(OWNER);
    for (const [name, picture] of Object.entries(PICTURES)) {
      if (names.length > 0 && !names.includes(name)) continue;
      for (const look of LOOKS) {
        await lookAs(page, look);
        await page.goto(dashboard.url + picture.path(world));
        await settled(page);
        await picture.act?.(page, world);
        const path = join(folder, `${name}-${look}.png`);
        // Animations have ended.
        await page.screenshot({ path, fullPage: true, animations: 'disabled' });
        process.stdout.write(`${path}\n`);
      }
    }
  } finally {
    await dashboard.stop();
    service.close();
  }
}

const [folder = 'screenshots', ...names] = process.argv.slice(2);
await main(resolve(folder), names);
