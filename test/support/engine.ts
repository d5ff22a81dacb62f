/** A database server or Redis server of one spec, which may fail: the other specs share theirs. */
import { readdirSync, readFileSync } from 'node:fs';
import { type PreparedServer, ServerProcess } from '../services/server.js';

export class Engine {
  private constructor(
    private readonly prepared: PreparedServer,
    private server: ServerProcess,
  ) {}

  static async start(prepared: PreparedServer): Promise<Engine> {
    return new Engine(prepared, await ServerProcess.start(prepared.options));
  }

  get url(): string {
    return this.prepared.url;
  }

  /** Stands still: connections stay open, new ones are accepted by the kernel, and nothing answers. */
  hang(): void {
    // The parent first: it starts no more processes then.
    for (const pid of [this.server.pid, ...childrenOf(this.server.pid)]) process.kill(pid, 'SIGSTOP');
  }

  wake(): void {
    for (const pid of [...childrenOf(this.server.pid), this.server.pid]) process.kill(pid, 'SIGCONT');
  }

  /** Ends without a word, with all of its processes. */
  async kill(): Promise<void> {
    const children = childrenOf(this.server.pid);
    await this.server.kill();
    for (const pid of children) killIfAlive(pid);
    while (children.some(isAlive)) await new Promise((resolve) => setTimeout(resolve, 10));
  }

  /** Starts again at the same port, with the data that it had stored. */
  async startAgain(): Promise<void> {
    this.server = await ServerProcess.start(this.prepared.options);
  }

  async stop(): Promise<void> {
    await this.server.stop();
  }
}

function childrenOf(parent: number): number[] {
  const children: number[] = [];
  for (const name of readdirSync('/proc')) {
    if (/^\d+$/.test(name) && statOf(Number(name))?.parent === parent) children.push(Number(name));
  }
  return children;
}

function isAlive(pid: number): boolean {
  const stat = statOf(pid);
  return stat !== null && stat.state !== 'Z';
}

/** State and parent of a process; null once it is gone. */
function statOf(pid: number): { state: string; parent: number } | null {
  try {
    // The name, in parentheses, may contain anything.
    const [state = '', parent] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)!.split(' ');
    return { state, parent: Number(parent) };
  } catch {
    return null;
  }
}

function killIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended with its parent.
  }
}
