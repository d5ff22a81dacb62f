// Records `culvert expose` for the README: starts a server and a service, runs the command as a person would, sends requests,
// and draws what it printed into docs/images/expose.svg. Needs `npm run build` and a free port 3000.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { drawTerminal } from './terminal-picture.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const SERVICE_PORT = 3000;
const PAUSE_MS = 700;
const DEADLINE_MS = 60_000;

/** Requests of a visitor, each with the status that the service answers. */
const REQUESTS = [
  ['GET', '/', 200],
  ['GET', '/app.css', 200],
  ['GET', '/orders', 200],
  ['POST', '/orders', 201],
  ['GET', '/missing', 404],
];

const folder = mkdtempSync(join(tmpdir(), 'culvert-record-'));
const children = [];

/** Starts a program of `dist/` and calls `onLine` with each line that it prints. */
function start(program, args, env, onLine) {
  const child = spawn(process.execPath, [`dist/apps/${program}/src/main.js`, ...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  for (const stream of [child.stdout, child.stderr]) createInterface({ input: stream }).on('line', onLine);
  return child;
}

/** Starts a server with nothing stored on disk. Returns its URL and the first API key. */
function startServer() {
  return new Promise((resolve, reject) => {
    let url = '';
    const child = start('standalone', [], { PORT: '0', DATA_DIR: 'memory', LOG_LEVEL: 'error' }, (line) => {
      url = /^Dashboard\s+(\S+)/.exec(line)?.[1] ?? url;
      const key = /^API key\s+(\S+)/.exec(line)?.[1];
      if (key !== undefined) resolve({ url, key });
    });
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}`)));
  });
}

async function startService() {
  const service = createServer((received, response) => {
    const known = REQUESTS.find(([method, path]) => method === received.method && path === received.url);
    response.writeHead(known?.[2] ?? 404, { 'content-type': 'text/plain' }).end('An order.\n'.repeat(120));
  });
  service.listen(SERVICE_PORT, '127.0.0.1');
  await once(service, 'listening');
  return service;
}

/** Sends a request to the preview by the address of this machine, because not every resolver knows `*.localhost`. */
async function visit(preview, key, method, path) {
  const { host, port } = new URL(preview);
  const sent = request({
    host: '127.0.0.1',
    port,
    method,
    path,
    headers: { host, authorization: `Bearer ${key}` },
  });
  sent.end();
  const [response] = await once(sent, 'response');
  response.resume();
  await once(response, 'end');
}

/** What a line of `culvert expose` is, by which it has its color. */
function kindOf(text) {
  if (text.startsWith('http')) return 'url';
  return /^\d\d:\d\d:\d\d/.test(text) ? 'output' : 'note';
}

async function record() {
  const service = await startService();
  const { url, key } = await startServer();
  const startedAt = performance.now();
  const lines = [{ atMs: 0, kind: 'prompt', text: `culvert expose ${SERVICE_PORT}` }];
  const env = { CULVERT_URL: url, CULVERT_API_KEY: key, CULVERT_CONFIG_DIR: folder };
  const preview = new Promise((resolve) => {
    const program = start('cli', ['expose', String(SERVICE_PORT), '--name', 'shop'], env, (text) => {
      lines.push({ atMs: performance.now() - startedAt, kind: kindOf(text), text });
      if (text.startsWith('Requests go to')) resolve({ program, address: lines[1].text });
    });
  });
  const { program, address } = await preview;
  for (const [method, path] of REQUESTS) {
    await sleep(PAUSE_MS);
    await visit(address, key, method, path);
  }
  await sleep(PAUSE_MS);
  lines.push({ atMs: performance.now() - startedAt, kind: 'key', text: '^C' });
  program.kill('SIGINT');
  await once(program, 'exit');
  service.close();
  const title = `culvert expose ${SERVICE_PORT} prints a URL, then each request as it arrives, and removes the URL at the end`;
  writeFileSync(`${root}docs/images/expose.svg`, drawTerminal(title, lines));
}

const deadline = setTimeout(() => {
  process.stderr.write(`record-expose: not done after ${DEADLINE_MS / 1000} s\n`);
  end();
  process.exit(1);
}, DEADLINE_MS);

function end() {
  clearTimeout(deadline);
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
}

try {
  await record();
} finally {
  end();
}
