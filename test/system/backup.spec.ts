/** The restore drill: a deployment is backed up while it is in use, and everything works again from the backup elsewhere. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestDatabase } from '@culvert/testkit';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { findBinary, postgresFolders } from '../services/binary.js';
import { createDatabase } from '../support/database.js';
import { type Deployment, type Preview, startDeployment, visit } from '../support/deployment.js';
import { startProgram } from '../support/process.js';

const OWNER = { email: 'owner@example.test', password: 'correct horse battery' };
const BOOTSTRAP = { CULVERT_BOOTSTRAP_EMAIL: OWNER.email, CULVERT_BOOTSTRAP_PASSWORD: OWNER.password };
const PG_DUMP = { names: ['pg_dump'], debianPackage: 'postgresql-client', folders: postgresFolders() };
const TOOLS = findBinary(PG_DUMP) !== null;

let folder: string;
let service: http.Server;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  service = http.createServer((_request, response) => response.end('served'));
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
});
afterAll(() => {
  service.closeAllConnections();
  service.close();
  rmSync(folder, { recursive: true, force: true });
});

type Place = { readonly DATA_DIR: string } | { readonly DATABASE_URL: string };

async function admin(place: Place, ...args: string[]) {
  const program = startProgram('apps/admin/src/main.js', { ...place }, args);
  const { code } = await program.exited;
  return { code, stdout: program.stdout, stderr: program.stderr };
}

/** Makes changes, one after the other, until it is stopped. Returns their number. */
function changeAllTheTime(deployment: Deployment) {
  let isStopping = false;
  const done = (async () => {
    let count = 0;
    while (!isStopping) {
      await deployment.api('PATCH', '/team', { name: `Team ${count}` });
      count++;
    }
    return count;
  })();
  return async () => {
    isStopping = true;
    return done;
  };
}

async function signIn(deployment: Deployment): Promise<number> {
  const url = `http://127.0.0.1:${deployment.port}`;
  const response = await fetch(`${url}/api/v1/sign-in`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: url },
    body: JSON.stringify(OWNER),
  });
  return response.status;
}

/** Starts a deployment with a preview, backs it up under load, and stops it. Returns the preview. */
async function makeBackup(place: Place, file: string): Promise<Preview> {
  const deployment = await startDeployment({ ...place, ...BOOTSTRAP });
  try {
    await deployment.startManager();
    const preview = await deployment.createPreview((service.address() as AddressInfo).port);
    const stopChanging = changeAllTheTime(deployment);
    const made = await admin(place, 'backup', '--output', file);
    expect(await stopChanging()).toBeGreaterThan(0);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    expect(made.stdout).toContain(`Wrote ${file}: `);
    expect((await visit(deployment.port, preview.hostname, '/')).body.toString()).toBe('served');
    const inUse = await admin(place, 'restore', '--force', file);
    expect([inUse.code, inUse.stderr]).toEqual([
      1,
      expect.stringMatching(/in use by process|Culvert is running/),
    ]);
    return preview;
  } finally {
    await deployment.stop();
  }
}

/** Starts a deployment where a backup was restored: people sign in, and the preview works at its address. */
async function expectItWorks(place: Place, { hostname }: Preview): Promise<void> {
  const deployment = await startDeployment({ ...place });
  try {
    await deployment.startManager();
    expect((await visit(deployment.port, hostname, '/')).body.toString()).toBe('served');
    expect(await signIn(deployment)).toBe(204);
    // It created no second team.
    expect(deployment.program.stdout).not.toContain('API key');
  } finally {
    await deployment.stop();
  }
}

describe('a backup of an embedded database', () => {
  let file: string;
  let preview: Preview;
  beforeAll(async () => {
    file = join(folder, 'embedded.tar');
    preview = await makeBackup({ DATA_DIR: join(folder, 'embedded') }, file);
  });

  it('is made under load, and restores to an empty folder where everything works', async () => {
    const place = { DATA_DIR: join(folder, 'elsewhere') };
    const restored = await admin(place, 'restore', file);
    expect(restored).toMatchObject({ code: 0, stderr: '' });
    expect(restored.stdout).toContain(
      `the encryption keys of that server (${join(place.DATA_DIR, 'encryption.key')})`,
    );
    await expectItWorks(place, preview);
    expect(readdirSync(place.DATA_DIR)).toEqual(['encryption.key', 'postgres']);
  });

  it('is readable by its owner only, and leaves no copy behind', () => {
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
    expect(readdirSync(join(folder, 'embedded'))).toEqual(['encryption.key', 'postgres']);
  });

  it('is made while no server runs', async () => {
    const again = join(folder, 'stopped.tar');
    expect((await admin({ DATA_DIR: join(folder, 'embedded') }, 'backup', '--output', again)).code).toBe(0);
    expect(await admin({ DATA_DIR: folder }, 'verify', again)).toMatchObject({ code: 0, stderr: '' });
  });

  it('replaces data only with --force', async () => {
    const place = { DATA_DIR: join(folder, 'embedded') };
    expect(await admin(place, 'restore', file)).toMatchObject({
      code: 1,
      stderr: `culvert-admin: DATA_DIR: ${place.DATA_DIR} contains a database: --force replaces it\n`,
    });
    expect((await admin(place, 'restore', '--force', file)).code).toBe(0);
    expect(readdirSync(place.DATA_DIR)).toEqual(['encryption.key', 'postgres']);
  });

  it.each([
    ['a changed byte', (bytes: Buffer) => void (bytes[bytes.length >> 1] ^= 1), /its checksum is wrong/],
    ['a newer schema', makeNewer, /made by Culvert 0\.1\.0, whose schema this version does not know/],
  ])('is refused with %s, and the database stays as it is', async (what, change, message) => {
    const bytes = readFileSync(file);
    change(bytes);
    const damaged = join(folder, `${what}.tar`);
    writeFileSync(damaged, bytes);
    const place = { DATA_DIR: join(folder, 'embedded') };
    const { code, stderr } = await admin(place, 'restore', '--force', damaged);
    expect([code, stderr]).toEqual([1, expect.stringMatching(message)]);
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(readdirSync(place.DATA_DIR)).toEqual(['encryption.key', 'postgres']);
  });
});

/** Renames the last migration in the manifest; the checksums of tar headers cover only headers. */
function makeNewer(bytes: Buffer): void {
  const at = bytes.indexOf('"20261120224716_init"');
  bytes.write('"20991120224716_init"', at);
}

describe.skipIf(!TOOLS)('a backup of a Postgres server', () => {
  let file: string;
  let preview: Preview;
  beforeAll(async () => {
    file = join(folder, 'server.tar');
    preview = await makeBackup({ DATABASE_URL: (await createDatabase()).url }, file);
  });

  it('is made under load, and restores to an empty database where everything works', async () => {
    const empty = await createTestDatabase(inject('databaseUrl'));
    try {
      const place = { DATABASE_URL: empty.url };
      expect(await admin(place, 'restore', file)).toMatchObject({ code: 0, stderr: '' });
      await expectItWorks(place, preview);
      // A restored database can be backed up as well.
      const again = join(folder, 'again.tar');
      expect((await admin(place, 'backup', '--output', again)).code).toBe(0);
      const refused = await admin(place, 'restore', again);
      expect(refused.stderr).toBe(
        'culvert-admin: the database of DATABASE_URL has data: --force replaces it\n',
      );
      expect(await admin(place, 'restore', '--force', again)).toMatchObject({ code: 0, stderr: '' });
      await expectItWorks(place, preview);
    } finally {
      await empty.drop();
    }
  });

  it('passes through a pipe', async () => {
    const { url } = await createDatabase();
    const node = `"${process.execPath}" dist/apps/admin/src/main.js`;
    const { status, stderr } = spawnSync('sh', ['-c', `cat "$FILE" | ${node} restore -`], {
      env: { PATH: process.env['PATH'], DATABASE_URL: url, FILE: file },
      encoding: 'utf8',
    });
    expect([status, stderr]).toEqual([0, '']);
    const piped = spawnSync('sh', ['-c', `${node} backup --output - | ${node} verify -`], {
      env: { PATH: process.env['PATH'], DATABASE_URL: url },
      encoding: 'utf8',
    });
    expect([piped.stdout, piped.stderr]).toEqual([expect.stringContaining('Undamaged: Postgres server'), '']);
  });

  it('leaves the data from before when it is damaged', async () => {
    const bytes = readFileSync(file);
    bytes[bytes.length - 4096] ^= 1;
    const damaged = join(folder, 'damaged.tar');
    writeFileSync(damaged, bytes);
    const { url } = await createDatabase();
    const place = { DATABASE_URL: url };
    const other = await makeBackup(place, join(folder, 'other.tar'));
    const { code, stderr } = await admin(place, 'restore', '--force', damaged);
    expect([code, stderr]).toEqual([1, 'culvert-admin: the archive is damaged: its checksum is wrong\n']);
    await expectItWorks(place, other);
  });

  it('is not made of a database without tables of Culvert', async () => {
    const place = { DATABASE_URL: inject('databaseUrl') };
    const { stderr } = await admin(place, 'backup', '--output', join(folder, 'foreign.tar'));
    expect(stderr).toBe('culvert-admin: DATABASE_URL: the database has no tables of Culvert\n');
  });

  it('needs tools of the same version as the server, or later', async () => {
    const { url } = await createDatabase();
    const tools = join(folder, 'old-tools');
    spawnSync('mkdir', [tools]);
    writeFileSync(join(tools, 'pg_dump'), '#!/bin/sh\necho "pg_dump (PostgreSQL) 9.6.24"\n', { mode: 0o755 });
    const output = join(folder, 'none.tar');
    const old = await admin({ DATABASE_URL: url }, 'backup', '--output', output, '--postgres-tools', tools);
    expect([old.code, old.stderr]).toEqual([
      1,
      expect.stringMatching(/pg_dump is of PostgreSQL 9, and the server is of PostgreSQL \d+: install/),
    ]);
    const missing = await admin(
      { DATABASE_URL: url },
      'backup',
      '--output',
      output,
      '--postgres-tools',
      folder,
    );
    expect([missing.code, missing.stderr]).toEqual([1, expect.stringMatching(/pg_dump cannot be run/)]);
  });

  it('shows no password when the server refuses it', async () => {
    const url = new URL(inject('databaseUrl'));
    url.password = 'hunter2';
    url.pathname = '/missing';
    const { code, stderr } = await admin(
      { DATABASE_URL: url.href },
      'backup',
      '--output',
      join(folder, 'x.tar'),
    );
    expect([code, stderr]).toEqual([1, expect.stringContaining('"missing" does not exist')]);
    expect(stderr).not.toContain('hunter2');
  });
});
