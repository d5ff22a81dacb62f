import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type RunningEntry, thisMachine } from '@culvert/client';
import { ProblemError, toProblem } from '@culvert/contract';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { EXIT } from '../exit-code.js';
import { runCommand } from '../spec/test-terminal.js';

const OTHER = 'https://other.example.com';

let home: string;
let file: string;
let server: Server;
let url: string;
const asked: string[] = [];
const children: ChildProcess[] = [];
beforeEach(async () => {
  home = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  file = join(home, 'culvert.yaml');
  mkdirSync(join(home, 'running'));
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const problem = toProblem(new ProblemError('not_found'), '01890000-0000-7000-8000-000000000000');
    response.writeHead(404, { 'content-type': 'application/problem+json' }).end(JSON.stringify(problem));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  writeFileSync(file, 'endpoints: { web: { target: 1 }, api: { target: 2 } }\n');
});
afterEach(async () => {
  for (const child of children.splice(0)) {
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  server.closeAllConnections();
  server.close();
  asked.splice(0);
  rmSync(home, { recursive: true, force: true });
});

const down = (...args: string[]) =>
  runCommand(['down', '--file', file, '-o', 'json', ...args], {
    env: { CULVERT_CONFIG_DIR: home, CULVERT_URL: url, CULVERT_API_KEY: 'key-12345' },
  });

/** Writes the entry of an endpoint of a run. */
function writeEntry(endpoint: string, changes: Partial<RunningEntry>): void {
  const entry = {
    version: 1,
    kind: 'up',
    name: `shop/${endpoint}`,
    server: url,
    startedAt: new Date().toISOString(),
    target: 'localhost:1',
    url: `https://${endpoint}.example.com`,
    previewId: 'p1',
    trafficManagerId: null,
    file,
    ...changes,
  };
  writeFileSync(join(home, 'running', `up-${endpoint}.json`), JSON.stringify(entry));
}

/** Leaves an endpoint as a run that has ended does. */
function keepEntry(endpoint: string, at: string): void {
  const { running } = thisMachine({ CULVERT_CONFIG_DIR: home });
  const name = `shop/${endpoint}`;
  const claim = running.claim({
    kind: 'up',
    server: at,
    name,
    target: 'localhost:1',
    mayNumber: false,
    file,
  });
  claim?.update({ url: `https://${endpoint}.example.com`, previewId: 'p1' });
  claim?.release(true);
}

function anotherProcess(): ChildProcess {
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  children.push(child);
  return child;
}

describe('culvert down', () => {
  it('ends no process that got the number of a run, and keeps what the run left', async () => {
    const child = anotherProcess();
    writeEntry('web', { pid: child.pid!, processStart: 'another start' });
    const { exitCode, stdout } = await down();
    expect([exitCode, JSON.parse(stdout)]).toEqual([EXIT.ok, []]);
    expect(child.kill(0)).toBe(true);
    expect(child.signalCode).toBeNull();
    expect(thisMachine({ CULVERT_CONFIG_DIR: home }).running.listLeft('up')).toHaveLength(1);
  });

  it('says that it ends nothing when a process cannot be told from another one with its number', async () => {
    const child = anotherProcess();
    writeEntry('web', { pid: child.pid! });
    const { exitCode, stderr } = await down();
    expect(exitCode).toBe(EXIT.localTarget);
    expect(stderr).toContain(`it is not known whether the process ${child.pid} is still the run of web`);
    expect(stderr).toContain('The process was not ended.');
    expect(child.signalCode).toBeNull();
  });

  // The fault: URLs of another server were called removed, though no request for them was made.
  it('with --remove names the URLs that another server has, and reports only what it removed', async () => {
    keepEntry('web', url);
    keepEntry('api', OTHER);
    const first = await down('--remove');
    expect(JSON.parse(first.stdout)).toEqual([
      { name: 'web', url: 'https://web.example.com', removed: true },
    ]);
    expect(first.stderr).toContain(`https://api.example.com stays. It belongs to ${OTHER}`);
    expect(first.exitCode).toBe(EXIT.failure);
    expect(asked).toEqual([expect.stringMatching(/^GET .*previews.p1$/)]);
    const second = await down('--remove');
    expect([second.exitCode, JSON.parse(second.stdout)]).toEqual([EXIT.failure, []]);
    expect(thisMachine({ CULVERT_CONFIG_DIR: home }).running.listLeft('up')).toMatchObject([
      { server: OTHER },
    ]);
  });
});
