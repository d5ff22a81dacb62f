import { mkdtempSync, rmSync } from 'node:fs';
import net, { type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { API_KEY, type Deployment, type Preview, startDeployment, visit } from '../support/deployment.js';
import { startProgram } from '../support/process.js';

/** Data of one server, which a wrong configuration never uses. */
let dataDir: string;
beforeAll(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'culvert-test-'));
});
afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

describe('a wrong configuration', () => {
  it.each([
    ['apps/standalone/src/main.js', { PORT: 'eighty' }, ['PORT']],
    ['apps/standalone/src/main.js', { TLS_CERT_FILE: '/missing.pem' }, ['TLS_CERT_FILE', 'TLS_KEY_FILE']],
    [
      'apps/standalone/src/main.js',
      { DATABASE_URL: 'mysql://x', MANAGER_WAIT_MS: '-1' },
      ['DATABASE_URL', 'MANAGER_WAIT_MS'],
    ],
    ['apps/edge/src/main.js', {}, ['DATABASE_URL', 'REDIS_URL']],
    ['apps/api/src/main.js', {}, ['DATABASE_URL', 'REDIS_URL']],
    ['apps/traffic-manager/src/main.js', { CULVERT_API_KEY: 'x' }, ['CULVERT_URL']],
    ['apps/traffic-manager/src/main.js', { CULVERT_URL: 'http://localhost' }, ['CULVERT_API_KEY']],
    ['apps/traffic-manager/src/main.js', { CULVERT_URL: 'nonsense', CULVERT_API_KEY: 'x' }, ['CULVERT_URL']],
  ])('of %s is named, and ends the process: %j', async (script, env, names) => {
    const program = startProgram(script, { DATA_DIR: dataDir, ...(env as Record<string, string>) });
    const { code } = await program.exited;
    expect(code).not.toBe(0);
    for (const name of names) expect(program.stderr).toContain(name);
    expect(program.stdout).toBe('');
  });

  it.each(['PORT', 'ADMIN_PORT'] as const)(
    'with a %s that is in use is named in one line',
    async (variable) => {
      const taken = net.createServer().listen(0);
      await once(taken, 'listening');
      const port = String((taken.address() as AddressInfo).port);
      const program = startProgram('apps/standalone/src/main.js', {
        DATA_DIR: join(dataDir, variable),
        LOG_LEVEL: 'warn',
        ...(variable === 'PORT' ? {} : { PORT: '0' }),
        [variable]: port,
      });
      expect((await program.exited).code).toBe(1);
      expect(program.stderr.trimEnd()).toBe(
        `culvert: ${variable}: ${port} is in use by another program, possibly another Culvert (stop it, or choose another port)`,
      );
      taken.close();
    },
  );
});

describe('the arguments of a server program', () => {
  const PROGRAMS = ['api', 'edge', 'standalone'];

  // Fault: standalone ignored them, and served.
  it.each(PROGRAMS)(
    'of %s print help and version without starting it, even without settings',
    async (app) => {
      const script = `apps/${app}/src/main.js`;
      const help = startProgram(script, { DATA_DIR: join(dataDir, 'help') }, ['--help']);
      expect((await help.exited).code).toBe(0);
      expect(help.stdout).toMatch(/^Usage: [^]+\n {2}PORT +the public port/);
      const version = startProgram(script, {}, ['--version']);
      expect([(await version.exited).code, version.stdout]).toEqual([0, `culvert ${app} 0.1.0\n`]);
    },
  );

  it.each(PROGRAMS)('of %s are refused with exit code 2 when they are unknown', async (app) => {
    const program = startProgram(`apps/${app}/src/main.js`, {}, ['--port=80']);
    expect([(await program.exited).code, program.stdout]).toEqual([2, '']);
    expect(program.stderr).toBe(
      `culvert ${app}: unexpected argument "--port=80". Settings come from the environment: --help lists them.\n`,
    );
  });
});

describe('the metrics of a standalone server', () => {
  it('are only for programs on its machine, and not through a proxy on it', async () => {
    const server = await startDeployment();
    const status = async (headers: Record<string, string>) =>
      (await visit(server.port, `localhost:${server.port}`, '/metrics', { headers })).status;
    expect(await status({})).toBe(200);
    expect(await status({ 'x-forwarded-for': '192.0.2.1' })).toBe(404);
    const health = await visit(server.port, `localhost:${server.port}`, '/readyz', {
      headers: { 'x-forwarded-for': '192.0.2.1' },
    });
    expect(health.status).toBe(200);
    await server.stop();
  });
});

describe('a standalone server', () => {
  let first: Deployment;
  let preview: Preview;
  beforeAll(async () => {
    first = await startDeployment({ DATA_DIR: dataDir });
    await first.api('POST', '/traffic-managers', { managerId: 'm' });
    preview = await first.createPreview(80);
    await first.stop();
  });

  it('prints what the first start created', () => {
    expect(first.program.stdout).toMatch(/^Sign in +\S+@\S+ \/ \S+$/m);
    expect(first.program.stdout).toMatch(new RegExp(`^API key +${API_KEY}$`, 'm'));
  });

  it('prints only results on stdout, and JSON lines on stderr', () => {
    expect(first.program.stdout.trim().split('\n')).toHaveLength(3);
    for (const line of first.program.stderr.trim().split('\n'))
      expect(() => JSON.parse(line) as unknown).not.toThrow();
    expect(first.program.stderr).not.toContain(API_KEY);
  });

  it('keeps its data over a restart, and prints what it created only once', async () => {
    const second = await startDeployment({ DATA_DIR: dataDir });
    expect(second.program.stdout).not.toMatch(/Sign in|API key/);
    expect(await second.api('GET', `/previews/${preview.id}`)).toMatchObject({ hostname: preview.hostname });
    await second.stop();
  });

  it('creates what CULVERT_BOOTSTRAP_* set', async () => {
    const deployment = await startDeployment({
      CULVERT_BOOTSTRAP_EMAIL: 'ada@example.com',
      CULVERT_BOOTSTRAP_PASSWORD: 'correct horse battery',
    });
    expect(deployment.program.stdout).toMatch(/^Sign in +ada@example\.com \/ correct horse battery$/m);
    expect(await deployment.api('GET', '/me')).toBeTruthy();
    await deployment.stop();
  });
});
