import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { type Program, startProgram } from './process.js';

/** The program on people's PATH. */
export const CULVERT = fileURLToPath(new URL('../../apps/cli/bin/culvert.mjs', import.meta.url));

/** The exit codes that docs/cli.md promises, spelled out: scripts break if the program's own change. */
export const EXIT = {
  ok: 0,
  failure: 1,
  usage: 2,
  notSignedIn: 3,
  refused: 4,
  notFound: 5,
  conflict: 6,
  unreachable: 7,
  local: 8,
};

export interface CliRun {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `culvert` to its end, with exactly `env` (and PATH). */
export async function runCulvert(
  args: readonly string[],
  {
    env,
    stdin = '',
    cwd,
  }: {
    readonly env: Record<string, string>;
    readonly stdin?: string;
    /** Default: the working directory of the tests. */
    readonly cwd?: string;
  },
): Promise<CliRun> {
  const child = spawn(process.execPath, [CULVERT, ...args], {
    cwd,
    env: { PATH: process.env['PATH'] ?? '', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  // A run that ends without reading is not a failure.
  child.stdin.on('error', () => {});
  child.stdin.end(stdin);
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, stdout, stderr };
}

/** Starts `culvert`, for commands that keep running. */
export function startCulvert(args: readonly string[], env: Record<string, string>): Program {
  return startProgram('apps/cli/src/main.js', env, args);
}
