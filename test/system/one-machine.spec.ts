/** infra/compose as processes: the commands, environments, secrets and health checks of its containers, on ports of this machine. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestCertificate } from '@culvert/testkit';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { parse } from 'yaml';
import { findBinary, postgresFolders } from '../services/binary.js';
import { createDatabase } from '../support/database.js';
import { freePort } from '../support/network.js';
import { type Program, startProgram } from '../support/process.js';

interface Service {
  readonly environment: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
}

const HOST = 'culvert.test';
const OWNER = 'owner@example.test';
const hasTools =
  findBinary({ names: ['pg_dump'], debianPackage: 'postgresql-client', folders: postgresFolders() }) !== null;

let folder: string;
let services: Readonly<Record<string, Service>>;
let ports: Readonly<Record<'edge' | 'redirect' | 'api' | 'edgeAdmin' | 'apiAdmin', number>>;
let ca: string;
const programs: Program[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  cpSync('infra/compose', folder, { recursive: true });
  expect(spawnSync('./setup.sh', { cwd: folder }).status).toBe(0);
  writeFileSync(join(folder, 'database-url'), `${(await createDatabase()).url}\n`);
  const certificate = createTestCertificate([HOST]);
  ca = certificate.cert;
  writeFileSync(join(folder, 'tls/tls.crt'), ca);
  writeFileSync(join(folder, 'tls/tls.key'), certificate.key);
  const [edge, redirect, api, edgeAdmin, apiAdmin] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  ports = { edge, redirect, api, edgeAdmin, apiAdmin };
  services = (
    parse(readFileSync(join(folder, 'compose.yaml'), 'utf8'), { merge: true }) as {
      services: typeof services;
    }
  ).services;
  programs.push(
    startProgram('apps/api/src/main.js', environmentOf('api', { PORT: `${api}`, ADMIN_PORT: `${apiAdmin}` })),
    startProgram(
      'apps/edge/src/main.js',
      environmentOf('edge', {
        PORT: `${edge}`,
        HTTP_REDIRECT_PORT: `${redirect}`,
        ADMIN_PORT: `${edgeAdmin}`,
        API_UPSTREAM_URL: `http://127.0.0.1:${api}`,
      }),
    ),
  );
  await Promise.all(programs.map((program) => program.logged(/"serving"/)));
});
afterAll(async () => {
  await Promise.all(programs.map((program) => program.stop()));
  rmSync(folder, { recursive: true, force: true });
});

/** Returns the environment of a container, with the files and addresses that it has here. */
function environmentOf(name: string, here: Readonly<Record<string, string>> = {}): Record<string, string> {
  const settings: Readonly<Record<string, string>> = {
    APP_HOST: HOST,
    PREVIEW_DOMAIN: 'preview.test',
    OWNER_EMAIL: OWNER,
    LOG_LEVEL: 'info',
  };
  const entries = Object.entries(services[name].environment).map(([variable, value]): [string, string] => [
    variable,
    value
      .replace(/^\$\{(\w+).*\}$/, (_, setting: string) => settings[setting] ?? '')
      .replace('/run/secrets/database-url', join(folder, 'database-url'))
      .replace('/run/secrets', join(folder, 'secrets'))
      .replace('/tls', join(folder, 'tls')),
  ]);
  return { ...Object.fromEntries(entries), REDIS_URL: inject('redisUrl'), ...here };
}

function checkHealth(port: number): number | null {
  return spawnSync(process.execPath, ['infra/docker/healthcheck.mjs', `http://127.0.0.1:${port}/readyz`])
    .status;
}

function post(path: string, body: object): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { host: HOST, origin: `https://${HOST}`, 'content-type': 'application/json' };
    const options = {
      host: '127.0.0.1',
      port: ports.edge,
      path,
      method: 'POST',
      servername: HOST,
      ca,
      headers,
    };
    const request = https.request(options, (response) => {
      response.resume();
      resolve(response.statusCode!);
    });
    request.on('error', reject);
    request.end(JSON.stringify(body));
  });
}

describe('the containers of infra/compose', () => {
  it('pass their health checks', () => {
    expect([checkHealth(ports.edgeAdmin), checkHealth(ports.apiAdmin)]).toEqual([0, 0]);
    // The check itself can fail.
    expect(checkHealth(ports.redirect)).toBe(1);
  });

  it('let the owner sign in with the secret of setup.sh, over TLS, by way of the edge', async () => {
    const password = readFileSync(join(folder, 'secrets/owner-password'), 'utf8');
    expect(await post('/api/v1/sign-in', { email: OWNER, password })).toBe(204);
    expect(await post('/api/v1/sign-in', { email: OWNER, password: `${password}x` })).toBe(401);
  });

  it('redirect the plain port to https', async () => {
    const { stdout } = spawnSync(
      'curl',
      ['-si', '-H', `Host: ${HOST}`, `http://127.0.0.1:${ports.redirect}/a?b`],
      {
        encoding: 'utf8',
      },
    );
    expect(stdout).toMatch(/^HTTP\/1\.1 308 /);
    expect(stdout).toContain(`location: https://${HOST}/a?b\r\n`);
  });

  it.skipIf(!hasTools)('write a backup, and keep only so many', async () => {
    const { command = [], environment } = services['backup'];
    expect(Object.keys(environment)).toEqual(['DATABASE_URL_FILE']);
    const args = command.map((arg) =>
      arg.replace('/backups', join(folder, 'backups')).replace(/^\$\{.*\}$/, '14'),
    );
    expect(args.slice(-2)).toEqual(['--every', '24h']);
    const env = { DATABASE_URL_FILE: join(folder, 'database-url') };
    const backup = startProgram('apps/admin/src/main.js', env, args);
    await backup.line(/^Wrote .*culvert-\d{8}T\d{6}Z\.tar/m);
    // It waits for the next day.
    backup.kill('SIGTERM');
    expect((await backup.exited).signal).toBe('SIGTERM');
    expect(readdirSync(join(folder, 'backups'))).toHaveLength(1);
  });

  it('write no secret to their logs', () => {
    const secrets = ['database-password', 'owner-password', 'api-key'].map((name) =>
      readFileSync(join(folder, 'secrets', name), 'utf8'),
    );
    for (const { stderr } of programs) for (const secret of secrets) expect(stderr).not.toContain(secret);
  });
});
