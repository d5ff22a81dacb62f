/** `npm run screenshots -- [FOLDER]`: every page of the dashboard as a picture, in light, in dark and on a phone. */
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join, resolve } from 'node:path';
import { ensureChromium } from '../services/chromium.js';
import { type Dashboard, lookAs, OWNER, settled, startDashboard } from '../support/dashboard.js';
import { visit } from '../support/deployment.js';

const LOOKS = ['light', 'dark', 'phone'] as const;

/** What is on the pictures, as it came to be. */
interface World {
  readonly trafficManagerId: string;
  readonly previewId: string;
}

/** Name of the picture, and where its page is. */
const PAGES: Readonly<Record<string, (world: World) => string>> = {
  start: () => '/',
  previews: () => '/previews',
  'new-preview': () => '/previews/new',
  preview: ({ previewId }) => `/previews/${previewId}`,
  connections: () => '/connections',
  connection: ({ trafficManagerId }) => `/connections/${trafficManagerId}`,
  intercepts: () => '/intercepts',
  'api-keys': () => '/api-keys',
  team: () => '/team',
  'audit-log': () => '/audit-log',
  profile: () => '/profile',
};

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
  const previews = [];
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
  for (let i = 0; i < 20; i++) await visit(deployment.port, previews[0].hostname, '/');
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
  return { trafficManagerId, previewId: previews[0].id };
}

async function main(folder: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const service = http.createServer((_request, response) => void response.end('hello'));
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  const dashboard = await startDashboard(await ensureChromium());
  try {
    const world = await build(dashboard, (service.address() as AddressInfo).port);
    const page = await dashboard.signIn(OWNER);
    for (const [name, pathIn] of Object.entries(PAGES)) {
      for (const look of LOOKS) {
        await lookAs(page, look);
        await page.goto(dashboard.url + pathIn(world));
        await settled(page);
        const path = join(folder, `${name}-${look}.png`);
        await page.screenshot({ path, fullPage: true });
        process.stdout.write(`${path}\n`);
      }
    }
  } finally {
    await dashboard.stop();
    service.close();
  }
}

await main(resolve(process.argv[2] ?? 'screenshots'));
