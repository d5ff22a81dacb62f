import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// The bench runs this file compiled, from dist/test/support/.
export const ROOT = fileURLToPath(new URL('../../', import.meta.url)).replace(/dist\/$/, '');

/** One of our programs, as users run it: from dist/, with its own environment. */
export interface Program {
  readonly pid: number;
  /** Resolves with the first stdout line that matches; rejects if the program ends first. */
  line(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves with the first stderr line that matches. */
  logged(pattern: RegExp): Promise<RegExpExecArray>;
  readonly stderr: string;
  readonly stdout: string;
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  kill(signal: NodeJS.Signals): void;
  /** Sends SIGTERM, then SIGKILL after ten seconds; resolves when it has ended. */
  stop(): Promise<number | null>;
  /** Resident memory, in MiB; 0 once it has ended. */
  residentMiB(): number;
}

/** Services of tests are on this machine, where a traffic manager connects only with a rule. */
export const ALLOW_THIS_MACHINE = '0.0.0.0/0,::/0,127.0.0.0/8,::1';
const TRAFFIC_MANAGER = 'apps/traffic-manager/src/main.js';

let v8Flags: readonly string[] = [];

/** Starts each program from here on with these flags of V8. */
export function runProgramsWith(flags: readonly string[]): void {
  v8Flags = flags;
}

const running = new Set<ChildProcess>();
process.on('exit', killPrograms);

/** Ends programs that are still running, so that a failed test leaves nothing behind. */
export function killPrograms(): void {
  for (const child of running) child.kill('SIGKILL');
}

/**
 * Starts `dist/<script>` with exactly `env` (and PATH, HOME, LAME_DUCK_MS, EDGE_WORKERS, and what a traffic manager needs to reach services of tests).
 * @param via a command prefix that runs the program elsewhere, such as `ip netns exec`
 */
export function startProgram(
  script: string,
  env: Record<string, string>,
  args: readonly string[] = [],
  nodeArgs: readonly string[] = [],
  via: readonly string[] = [],
): Program {
  const command = [...via, process.execPath, ...v8Flags, ...nodeArgs, `${ROOT}dist/${script}`, ...args];
  return startCommand(command, {
    cwd: ROOT,
    env: {
      HOME: process.env['HOME'] ?? '/tmp',
      // Specs that stop an edge or an API process do not wait for load balancers, unless that is what they check.
      LAME_DUCK_MS: '0',
      // One process is one edge, except where workers are what a spec checks.
      EDGE_WORKERS: '1',
      ...(script === TRAFFIC_MANAGER && { CULVERT_ALLOW: ALLOW_THIS_MACHINE }),
      ...env,
    },
  });
}

/** Starts a command in a folder, with exactly `env` and PATH. */
export function startCommand(
  [command = '', ...args]: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: Readonly<Record<string, string>> },
): Program {
  const child = spawn(command, args, {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  const output = { stdout: new LineReader(), stderr: new LineReader() };
  child.stdout.setEncoding('utf8').on('data', (text: string) => output.stdout.push(text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => output.stderr.push(text));
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.on('close', (code, signal) => {
      running.delete(child);
      const reason = new Error(
        `${[command, ...args].join(' ')} ended (${code ?? signal}): ${output.stderr.text.slice(-4000)}`,
      );
      output.stdout.end(reason);
      output.stderr.end(reason);
      resolve({ code, signal });
    });
  });
  return {
    pid: child.pid!,
    line: (pattern) => output.stdout.find(pattern),
    logged: (pattern) => output.stderr.find(pattern),
    get stderr() {
      return output.stderr.text;
    },
    get stdout() {
      return output.stdout.text;
    },
    exited,
    kill: (signal) => void child.kill(signal),
    stop: async () => {
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      const { code } = await exited;
      clearTimeout(timer);
      return code;
    },
    residentMiB: () => {
      if (child.exitCode !== null || child.signalCode !== null) return 0;
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024;
    },
  };
}

class LineReader {
  text = '';
  private readonly waiting = new Set<{
    pattern: RegExp;
    resolve: (match: RegExpExecArray) => void;
    reject: (reason: Error) => void;
  }>();
  private ended: Error | null = null;

  push(text: string): void {
    this.text += text;
    for (const waiter of this.waiting) {
      const match = waiter.pattern.exec(this.text);
      if (!match) continue;
      this.waiting.delete(waiter);
      waiter.resolve(match);
    }
  }

  end(reason: Error): void {
    this.ended = reason;
    for (const waiter of this.waiting) waiter.reject(reason);
    this.waiting.clear();
  }

  find(pattern: RegExp): Promise<RegExpExecArray> {
    const match = pattern.exec(this.text);
    if (match) return Promise.resolve(match);
    if (this.ended) return Promise.reject(this.ended);
    return new Promise((resolve, reject) => this.waiting.add({ pattern, resolve, reject }));
  }
}
