/** Real development servers behind `culvert expose`, without any setting, through a private and a public URL. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { CHECKS, type Check, type CheckName, type DevServer } from './dev-server.js';
import { install, NotInstallable, type Installed } from './packages.js';
import { Results } from './results.js';
import { DEV_SERVERS } from './servers/index.js';
import { type Exposed, type RunningServer, startServer, within, World } from './world.js';

/** A form may need a person who is signed in. */
const ORDER = CHECKS.toSorted(
  (a, b) => Number(b === 'page') - Number(a === 'page') || Number(b === 'signIn') - Number(a === 'signIn'),
);

const results = new Results();
let world: World;
beforeAll(async () => {
  world = await World.start(inject('chromiumPath'));
});
afterAll(async () => {
  await world?.stop();
  process.stdout.write(`\n${results.table(DEV_SERVERS)}\n\n`);
});

describe.each(DEV_SERVERS)('$name behind culvert expose', (server) => {
  let installed: Installed | null = null;
  let missing = '';
  let running: RunningServer | null = null;
  beforeAll(async () => {
    try {
      installed = await install(server);
    } catch (error) {
      if (!(error instanceof NotInstallable)) throw error;
      missing = error.message;
      return;
    }
    running = await startServer(server, installed);
  });
  afterAll(() => running?.stop());

  it.for(['team', 'public'] as const)(
    'works for visitors of a URL with the access %s',
    async (access, { skip }) => {
      if (running === null) return skip(missing);
      const exposed = await world.expose(running.port, '--access', access);
      try {
        const { worked, faults } = await visit(server, running, exposed, access);
        results.add(server, worked);
        expect(faults, running.output()).toEqual([]);
      } finally {
        await exposed.program.stop();
      }
    },
  );
});

it('is described by the table of docs/dev-servers.md', ({ skip }) => {
  skip(!DEV_SERVERS.every((server) => results.has(server)), 'some servers were not run');
  const docs = readFileSync(new URL('../../docs/dev-servers.md', import.meta.url), 'utf8');
  expect(docs).toContain(results.table(DEV_SERVERS));
});

/** Uses a server as its visitors do. Returns the checks that worked, and what was wrong with others. */
async function visit(
  server: DevServer,
  { edit }: RunningServer,
  exposed: Exposed,
  access: 'team' | 'public',
): Promise<{ readonly worked: ReadonlySet<CheckName>; readonly faults: readonly string[] }> {
  const page = await world.enter(exposed, access);
  const connected = new Promise<void>((resolve) => {
    page.on('websocket', (socket) => {
      if (server.editSocket?.test(socket.url()) ?? true) socket.once('framereceived', () => resolve());
    });
  });
  const worked = new Set<CheckName>();
  const faults: string[] = [];
  try {
    const use = async (name: CheckName, check: Check): Promise<void> => {
      try {
        if (name === 'edit') {
          await within('the WebSocket of the page', connected);
          // An edit of a module that the page has not loaded yet does not reach it.
          await page.waitForLoadState('networkidle');
        }
        await check({ page, url: exposed.url, edit, token: `${access}${name}` });
        worked.add(name);
      } catch (error) {
        const seen = await page
          .locator('body')
          .innerText({ timeout: 1000 })
          .catch(() => '');
        faults.push(`${name}: ${String(error)}\n${page.url()}\n${seen.slice(0, 1000)}`);
      }
    };
    for (const name of ORDER) {
      const check = server.checks[name];
      if (check === undefined) continue;
      if (server.needs?.checks.includes(name) !== true) await use(name, check);
      else if (server.needs.advice !== undefined)
        await within('advice', exposed.program.logged(server.needs.advice));
    }
  } finally {
    await within('closing a browser', page.context().close());
  }
  return { worked, faults };
}
