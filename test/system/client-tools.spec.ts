/** `@culvert/client` in a tool of a project: Vite's development server. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { culvert, type CulvertPluginOptions } from '@culvert/client';
import type { Browser } from 'playwright-core';
import { createLogger, createServer, type ViteDevServer } from 'vite';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, it, vi } from 'vitest';
import { launchBrowser } from '../support/browser.js';
import { API_KEY, type Deployment, startDeployment, visit } from '../support/deployment.js';

/** A hostname without a preview looks like that of a private one. */
const GONE = 401;

let deployment: Deployment;
let browser: Browser;
let folder: string;
const servers: ViteDevServer[] = [];

beforeAll(async () => {
  [deployment, browser] = await Promise.all([startDeployment(), launchBrowser(inject('chromiumPath'))]);
});
afterAll(async () => {
  await browser?.close();
  await deployment?.stop();
});
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  vi.stubEnv('CULVERT_CONFIG_DIR', join(folder, 'config'));
  vi.stubEnv('CULVERT_URL', `http://localhost:${deployment.port}`);
  vi.stubEnv('CULVERT_API_KEY', API_KEY);
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

/** Text of all that was printed, and a wait for some of it. */
class Printed {
  text = '';
  readonly logger = createLogger('silent');

  constructor() {
    this.logger.info = this.logger.warn = (text) => void (this.text += `${text}\n`);
  }

  async hostname(): Promise<string> {
    await expect.poll(() => this.text).toMatch(/Culvert: http/);
    return /Culvert: https?:\/\/([^:/]+)/.exec(this.text)?.[1] ?? '';
  }
}

async function startVite(options: CulvertPluginOptions, printed = new Printed()): Promise<ViteDevServer> {
  const server = await createServer({
    root: folder,
    configFile: false,
    customLogger: printed.logger,
    cacheDir: join(folder, 'cache'),
    server: { port: 0, host: '127.0.0.1' },
    plugins: [culvert(options)],
  });
  servers.push(server);
  return server.listen();
}

describe('the plugin for Vite', () => {
  beforeEach(() => {
    writeFileSync(join(folder, 'index.html'), '<h1></h1><script type="module" src="/main.js"></script>');
    writeFileSync(
      join(folder, 'main.js'),
      `import { text } from './text.js';
       const show = (value) => (document.querySelector('h1').textContent = value);
       show(text);
       import.meta.hot.accept('./text.js', (changed) => show(changed.text));`,
    );
    writeFileSync(join(folder, 'text.js'), `export const text = 'first';`);
  });

  it('exposes the development server while it runs, with its updates of modules', async () => {
    const printed = new Printed();
    const server = await startVite({ enabled: true, access: 'public' }, printed);
    const hostname = await printed.hostname();
    const page = await browser.newPage();
    await page.goto(`http://${hostname}:${deployment.port}/`);
    await page.getByRole('heading', { name: 'first' }).waitFor();
    writeFileSync(join(folder, 'text.js'), `export const text = 'second';`);
    await page.getByRole('heading', { name: 'second' }).waitFor();
    await page.close();
    await server.close();
    expect((await visit(deployment.port, hostname, '/')).status).toBe(GONE);
  });

  it('keeps the URL when Vite restarts its server', async () => {
    const printed = new Printed();
    const server = await startVite({ enabled: true, access: 'public' }, printed);
    const hostname = await printed.hostname();
    printed.text = '';
    await server.restart();
    expect(await printed.hostname()).toBe(hostname);
    expect((await visit(deployment.port, hostname, '/')).status).toBe(200);
    await server.close();
    expect((await visit(deployment.port, hostname, '/')).status).toBe(GONE);
  });

  it('lets the server run without a preview, with a warning, if there can be none', async () => {
    vi.stubEnv('CULVERT_API_KEY', 'cvt_wrong-key');
    const printed = new Printed();
    const server = await startVite({ enabled: true }, printed);
    await expect.poll(() => printed.text).toMatch(/does not accept the (API key|credential)/);
    expect((await fetch(server.resolvedUrls?.local[0] ?? '')).status).toBe(200);
    await server.close();
  });

  it.each([
    ['where CI is set', { CI: 'true' }, {}],
    ['in tests of Vitest', { CI: '', VITEST: 'true' }, {}],
    ['when it is disabled', { CI: '', VITEST: '' }, { enabled: false }],
  ])('is off %s', async (_where, env, options) => {
    for (const [name, value] of Object.entries(env)) vi.stubEnv(name, value);
    const server = await startVite(options);
    expect((await deployment.api<{ items: unknown[] }>('GET', '/traffic-managers')).items).toEqual([]);
    await server.close();
  });
});
