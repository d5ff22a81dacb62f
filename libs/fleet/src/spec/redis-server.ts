import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** A Redis without data of its own process, for tests that stop it or empty it. */
export class RedisServer {
  private readonly folder = mkdtempSync(join(tmpdir(), 'culvert-fleet-'));
  private child: ChildProcess | null = null;

  private port = 0;

  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  /** Starts it, empty; again at the port that it had. */
  async start(): Promise<void> {
    this.port ||= await freePort();
    const place = ['--bind', '127.0.0.1', '--port', String(this.port), '--dir', this.folder];
    const args = [...place, '--save', '', '--appendonly', 'no'];
    const child = spawn('redis-server', args, { stdio: ['ignore', 'pipe', 'inherit'] });
    this.child = child;
    await once(child, 'spawn');
    await new Promise<void>((resolve, reject) => {
      createInterface({ input: child.stdout })
        .on('line', (line) => {
          if (line.includes('Ready to accept connections')) resolve();
        })
        .on('close', () => reject(new Error('redis-server ended before it was ready')));
    });
  }

  pause(): void {
    this.child?.kill('SIGSTOP');
  }

  resume(): void {
    this.child?.kill('SIGCONT');
  }

  /** Kills it, with its data. */
  async kill(): Promise<void> {
    const { child } = this;
    if (child === null) return;
    this.child = null;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  async remove(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
