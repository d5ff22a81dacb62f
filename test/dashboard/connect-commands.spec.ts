import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync, mkdirSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, inject, it } from 'vitest';
import { Visitor } from '../support/consent.js';
import { type Dashboard, OWNER, settled, startDashboard } from '../support/dashboard.js';
import { visit } from '../support/deployment.js';

/**
 * Every command of the start page, copied from it and run by a shell unchanged. External programs (Docker, Helm,
 * Telepresence) are replaced by scripts that check their arguments and, for a container, run the program in the image.
 * Only the port of the sample server differs: 3000 may be in use.
 */
const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const POLL = { timeout: 30_000 };

const STAND_INS: Readonly<Record<string, string>> = {
  // Everything is already installed and built.
  npm: `case "$*" in "ci" | "run -s build") exit 0 ;; esac
exec "$REAL_NPM" "$@"`,
  docker: `case "$1" in
build)
  shift
  while [ $# -gt 1 ]; do
    case "$1" in
    -f) grep -q "AS traffic-manager" "$2" || exit 1; shift ;;
    --target) [ "$2" = traffic-manager ] || exit 1; shift ;;
    -t) shift ;;
    *) exit 1 ;;
    esac
    shift
  done
  [ -d "$1" ] ;;
push) ;;
run)
  shift
  network=own
  while [ $# -gt 1 ]; do
    case "$1" in
    --rm) ;;
    --network) network="$2"; shift ;;
    -e) export "$2"; shift ;;
    *) exit 1 ;;
    esac
    shift
  done
  # In a network of its own, localhost is the container.
  [ "$network" = host ] || case "$CULVERT_URL" in *localhost*) exit 1 ;; esac
  exec "$NODE" dist/apps/traffic-manager/src/main.js ;;
*) exit 1 ;;
esac`,
  helm: `[ "$1" = install ] && { [ -f "$3/Chart.yaml" ] || exit 1; }
printf '%s\n' "$*" >> "$HOME/helm.log"`,
  telepresence: `printf '%s\n' "$*" >> "$HOME/telepresence.log"`,
};

let dashboard: Dashboard;
let service: http.Server;
let page: Page;
let home: string;
const shells = new Set<ChildProcess>();

beforeAll(async () => {
  service = http.createServer((_request, response) => void response.end('hello'));
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  home = mkdtempSync(join(tmpdir(), 'culvert-commands-'));
  mkdirSync(join(home, 'bin'));
  for (const [name, script] of Object.entries(STAND_INS)) {
    writeFileSync(join(home, 'bin', name), `#!/usr/bin/env bash\nset -eu\n${script}\n`);
    chmodSync(join(home, 'bin', name), 0o755);
  }
  dashboard = await startDashboard(inject('chromiumPath'));
  page = await dashboard.signIn();
  page.setDefaultTimeout(20_000);
});

afterEach(async () => {
  for (const shell of shells) {
    if (shell.pid !== undefined && shell.exitCode === null) {
      // Includes everything that it started.
      process.kill(-shell.pid, 'SIGTERM');
      await once(shell, 'close');
    }
  }
  shells.clear();
});

afterAll(async () => {
  await dashboard?.stop();
  service?.close();
  rmSync(home, { recursive: true, force: true });
});

/** Returns the commands of a tab, with a key that was created there if it offers one. */
async function commandsOf(tab: string): Promise<string[]> {
  await page.goto(`${dashboard.url}/`);
  await settled(page);
  await page.getByRole('tab', { name: tab, exact: true }).click();
  const create = page.getByRole('tabpanel').getByRole('button', { name: 'Create a key' });
  if ((await create.count()) > 0) {
    await create.click();
    await page.getByRole('region', { name: 'the key' }).waitFor();
  }
  const shown = await page
    .getByRole('tabpanel')
    .getByRole('region', { name: /command|image/ })
    .allTextContents();
  expect(shown.length).toBeGreaterThan(0);
  return shown;
}

interface Shell {
  readonly output: () => string;
  readonly ended: Promise<number | null>;
}

function run(code: string, environment: NodeJS.ProcessEnv = { CI: '1' }): Shell {
  const npm = (process.env['PATH'] ?? '').split(':').map((folder) => join(folder, 'npm'));
  const shell = spawn('bash', ['-euc', code], {
    cwd: ROOT,
    detached: true,
    env: {
      HOME: home,
      PATH: `${home}/bin:${home}/.local/bin:${process.env['PATH']}`,
      REAL_NPM: npm.find((path) => existsSync(path)) ?? 'npm',
      NODE: process.execPath,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  shells.add(shell);
  let output = '';
  for (const stream of [shell.stdout, shell.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  return { output: () => output, ended: once(shell, 'close').then(([status]) => status as number | null) };
}

async function succeeds(code: string): Promise<void> {
  const { output, ended } = run(code);
  expect([await ended, output()]).toEqual([0, expect.anything()]);
}

/** Returns the names of the connected traffic managers. */
async function connected(): Promise<string[]> {
  const { items } = await dashboard.deployment.api<{ items: { trafficManager: { name: string } }[] }>(
    'GET',
    '/sessions?state=connected',
  );
  return items.map(({ trafficManager }) => trafficManager.name);
}

describe('the commands of the start page', () => {
  it('This machine: installs culvert, signs in, and shares a local port', async () => {
    const [install = '', use = ''] = await commandsOf('This machine');
    await succeeds(install);
    const { port } = service.address() as AddressInfo;
    expect(use).toContain('expose 3000');
    // A person's machine has a display, and no program here that could open a browser.
    const { output } = run(use.replace('3000', String(port)), { DISPLAY: ':0' });
    await expect.poll(output, POLL).toMatch(/http:\/\/\S+\/auth\?\S+/);
    const visitor = new Visitor(dashboard.url);
    await visitor.signIn(OWNER.email, OWNER.password);
    await visitor.decide(/http:\/\/\S+\/auth\?\S+/.exec(output())?.[0] ?? '', 'allow');
    await expect.poll(output, POLL).toMatch(/http:\/\/\S+\.preview\.localhost/);
    const hostname = /http:\/\/(\S+\.preview\.localhost:\d+)/.exec(output())?.[1] ?? '';
    await expect
      .poll(async () => (await visit(dashboard.deployment.port, hostname, '/')).status, POLL)
      // It exists, and is private.
      .toBe(401);
  });

  it.each(['Node', 'Container'])(
    '%s: connects a traffic manager with the name in the commands',
    async (tab) => {
      const commands = await commandsOf(tab);
      run(commands.join('\n'));
      await expect.poll(connected, POLL).toEqual(['my-cluster']);
    },
  );

  it('Kubernetes: builds the image, and installs the existing chart', async () => {
    const commands = await commandsOf('Kubernetes');
    await succeeds(commands.join('\n'));
    expect(readFileSync(join(home, 'helm.log'), 'utf8')).toMatch(/--set apiKey=cvt_\w{38} /);
  });

  it('Telepresence: signs in with a key with which its client can create keys', async () => {
    const commands = await commandsOf('Telepresence');
    await succeeds(commands.join('\n'));
    const [, key = ''] =
      /--apikey=(cvt_\w{38})/.exec(readFileSync(join(home, 'telepresence.log'), 'utf8')) ?? [];
    // The request that its client makes with the key.
    const answer = await fetch(`${dashboard.url}/sso/api/apikeys`, {
      method: 'POST',
      headers: { 'x-ambassador-api-key': key, 'content-type': 'application/json' },
      body: JSON.stringify({ description: 'traffic-manager' }),
    });
    expect(answer.status).toBeLessThan(300);
  });
});
