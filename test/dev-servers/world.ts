/**
 * What a visit needs: Culvert over TLS under a domain that is not `localhost`, a browser that knows this domain and does not reach
 * this machine otherwise, a running development server, and `culvert expose` in front of it. Under `*.localhost` the faults cannot
 * show: servers trust such names, and the browser reaches their ports itself.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestCertificate } from '@culvert/testkit';
import type { Browser, Page } from 'playwright-core';
import { launchBrowser } from '../support/browser.js';
import { startCulvert } from '../support/cli.js';
import { API_KEY } from '../support/deployment.js';
import { type Program, startProgram } from '../support/process.js';
import { type DevServer, type Visit, WAIT_MS } from './dev-server.js';
import { type Installed, makeFolder, replaceFile } from './packages.js';

const DOMAIN = 'preview.culvert.test';
const URL_LINE = /^https:\/\/[a-z0-9-]+\.preview\.culvert\.test:\d+$/m;
const READY_TIMEOUT_MS = 120_000;
/** The first lines tell most. */
const MAX_OUTPUT = 8000;
const STEP_TIMEOUT_MS = 45_000;
const LOOK_AGAIN_MS = 200;

/** A preview of a development server, and the command that serves it. */
export interface Exposed {
  readonly url: string;
  readonly program: Program;
}

export class World {
  private constructor(
    private readonly folder: string,
    private readonly culvert: Program,
    private readonly port: number,
    private readonly browser: Browser,
  ) {}

  /** @param chromiumPath program of the browser */
  static async start(chromiumPath: string): Promise<World> {
    const folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    const { cert, key } = createTestCertificate(['localhost', `*.${DOMAIN}`]);
    writeFileSync(join(folder, 'edge.crt'), cert);
    writeFileSync(join(folder, 'edge.key'), key, { mode: 0o600 });
    const culvert = startProgram('apps/standalone/src/main.js', {
      PORT: '0',
      DATA_DIR: 'memory',
      PREVIEW_DOMAIN: DOMAIN,
      CULVERT_BOOTSTRAP_API_KEY: API_KEY,
      TLS_CERT_FILE: join(folder, 'edge.crt'),
      TLS_KEY_FILE: join(folder, 'edge.key'),
    });
    const [, port] = await culvert.line(/^Dashboard +https:\/\/localhost:(\d+)/m);
    const browser = await launchBrowser(chromiumPath, [
      `--host-resolver-rules=MAP *.${DOMAIN} 127.0.0.1, MAP localhost ~NOTFOUND`,
    ]);
    return new World(folder, culvert, Number(port), browser);
  }

  /** Exposes a port as people do it, with the given flags. */
  async expose(port: number, ...flags: string[]): Promise<Exposed> {
    const program = startCulvert(['expose', String(port), ...flags], this.environment);
    const [url] = await within('culvert expose', program.line(URL_LINE));
    return { url, program };
  }

  /** Opens a page of a new browser, which may enter the preview: by a share link if it is private. */
  async enter({ url }: Exposed, access: 'team' | 'public'): Promise<Page> {
    const context = await within('a new context', this.browser.newContext({ ignoreHTTPSErrors: true }));
    const page = await within('a new page', context.newPage());
    if (access === 'public') return page;
    const share = startCulvert(['preview', 'share', url, '--output', 'json'], this.environment);
    await within('culvert preview share', share.exited);
    await page.goto((JSON.parse(share.stdout) as { url: string }).url, { timeout: WAIT_MS });
    return page;
  }

  async stop(): Promise<void> {
    await this.browser.close();
    await this.culvert.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private get environment(): Record<string, string> {
    return {
      HOME: this.folder,
      CULVERT_URL: `https://localhost:${this.port}`,
      CULVERT_API_KEY: API_KEY,
      CULVERT_CA_FILE: join(this.folder, 'edge.crt'),
    };
  }
}

/** Resolves as `step` does. Rejects if it takes too long, with its name. */
export async function within<T>(what: string, step: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} took too long`)), STEP_TIMEOUT_MS);
  });
  return Promise.race([step, late]).finally(() => clearTimeout(timer));
}

/** A development server that runs in a folder of its own. */
export interface RunningServer {
  readonly port: number;
  readonly edit: Visit['edit'];
  /** The first lines that it printed. */
  output(): string;
  stop(): Promise<void>;
}

export async function startServer(server: DevServer, installed: Installed): Promise<RunningServer> {
  const folder = makeFolder(installed, server.files);
  const env = { ...installed.env, ...server.env };
  let output = '';
  const launch = (command: readonly string[]) => {
    const [name = '', ...args] = command;
    // A group of its own: some servers start further processes.
    const child = spawn(name, args, { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    for (const stream of [child.stdout, child.stderr])
      stream
        .setEncoding('utf8')
        .on('data', (text: string) => (output = (output + text).slice(0, MAX_OUTPUT)));
    return child;
  };
  for (const command of server.prepare ?? []) {
    const [code] = (await once(launch(command), 'close')) as [number | null];
    if (code !== 0) throw new Error(`${command.join(' ')} failed: ${output}`);
  }
  const port = await freePort();
  const child = launch(server.command(port));
  const closed = once(child, 'close');
  const stop = async (): Promise<void> => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
    await closed;
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const end = performance.now() + READY_TIMEOUT_MS;
  while (!(await answers(port, server.readyPath ?? '/'))) {
    if (child.exitCode === null && performance.now() < end) continue;
    await stop();
    throw new Error(`${server.name} does not answer: ${output}`);
  }
  return {
    port,
    edit: (file, change) => {
      const path = join(folder, file);
      replaceFile(path, change(readFileSync(path, 'utf8')));
    },
    output: () => output,
    stop,
  };
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Resolves with whether the port answers; if not, after a moment. */
function answers(port: number, path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const later = (): void => void setTimeout(() => resolve(false), LOOK_AGAIN_MS);
    const request = http.get({ host: '127.0.0.1', port, path, agent: false }, (response) => {
      response.resume();
      if ((response.statusCode ?? 500) < 500) resolve(true);
      else later();
    });
    request.on('error', later);
  });
}
