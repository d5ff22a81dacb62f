import { spawn, spawnSync, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A service for tests, and a function that stops it. */
export interface Service {
  readonly url: string;
  stop(): Promise<void>;
}

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 10_000;

/** How to start a server. */
export interface ServerOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly folder: TemporaryFolder;
  /** Text that it prints when it accepts connections. */
  readonly ready: string;
  readonly stopSignal: NodeJS.Signals;
  readonly spawn?: SpawnOptions;
}

/** A server that is not started yet. */
export interface PreparedServer {
  readonly url: string;
  readonly options: ServerOptions;
}

/**
 * Starts a server in a temporary folder of its own and resolves once it prints `ready`. The server and the folder are
 * removed by `stop`, after a failed start, and when this process exits without either.
 */
export class ServerProcess {
  private readonly child: ChildProcess;
  private readonly onExit: () => void;

  private constructor(
    child: ChildProcess,
    private readonly folder: TemporaryFolder,
    private readonly stopSignal: NodeJS.Signals,
  ) {
    this.child = child;
    this.onExit = () => child.kill('SIGKILL');
    process.once('exit', this.onExit);
  }

  static async start(options: ServerOptions): Promise<ServerProcess> {
    const { command, args, folder, ready, stopSignal } = options;
    const child = spawn(command, args, { ...options.spawn, stdio: ['ignore', 'pipe', 'pipe'] });
    const server = new ServerProcess(child, folder, stopSignal);
    try {
      await printed(child, ready);
      return server;
    } catch (error) {
      await server.stop();
      throw new Error(`${command} did not start`, { cause: error });
    }
  }

  get pid(): number {
    return this.child.pid!;
  }

  /** Sends SIGKILL, and keeps the folder: the server can be started again on it. */
  async kill(): Promise<void> {
    process.off('exit', this.onExit);
    const ended = once(this.child, 'exit');
    this.child.kill('SIGKILL');
    await ended;
  }

  async stop(): Promise<void> {
    process.off('exit', this.onExit);
    const child = this.child;
    if (child.pid !== undefined && child.exitCode === null && child.signalCode === null) {
      const ended = once(child, 'exit');
      const kill = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      child.kill(this.stopSignal);
      await ended;
      clearTimeout(kill);
    }
    this.folder.remove();
  }
}

/** A folder below the system's temporary one; removed at the latest when this process exits. */
export class TemporaryFolder {
  readonly path: string;
  private readonly removeNow = () => rmSync(this.path, { recursive: true, force: true });

  constructor(name: string, owner: Owner | null = null) {
    this.path = mkdtempSync(join(tmpdir(), `culvert-${name}-`));
    if (owner) chownSync(this.path, owner.uid, owner.gid);
    process.once('exit', this.removeNow);
  }

  remove(): void {
    process.off('exit', this.removeNow);
    this.removeNow();
  }
}

/** Below the ports that Linux and macOS give to programs that ask for any, and to outgoing connections. */
const [FIRST_PORT, LAST_PORT] = [10_000, 32_000];

/**
 * Returns a port at which no program listens now. Another test could get it before it is used only if it chose the same number:
 * the system chooses none of these by itself.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    const server = createServer().listen(port, '127.0.0.1');
    const isFree = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}

/** Runs a program to its end; throws with its output if it fails. */
export function runToEnd(command: string, args: readonly string[], options: SpawnOptions = {}): string {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    ...options,
    stdio: 'pipe',
    encoding: 'utf8',
  });
  if (error) throw error;
  if (status !== 0)
    throw new Error(`${command} ${args.join(' ')} ended with status ${status}: ${stderr}${stdout}`);
  return stdout;
}

function printed(child: ChildProcess, text: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let output = '';
    const timer = setTimeout(() => reject(new Error(`no "${text}" in: ${output}`)), START_TIMEOUT_MS);
    const settle = (act: () => void) => {
      clearTimeout(timer);
      act();
    };
    child.once('error', (error) => settle(() => reject(error)));
    child.once('exit', (code) => settle(() => reject(new Error(`ended with status ${code}: ${output}`))));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        // Keep reading after the start: a full pipe would stop the server.
        output = (output + chunk).slice(-8192);
        if (output.includes(text)) settle(resolve);
      });
    }
  });
}
