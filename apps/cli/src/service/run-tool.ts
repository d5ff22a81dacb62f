/** Runs programs of the platform. */
import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';
import type { CommandLine } from './definition.js';

const TIMEOUT_MS = 60_000;
const MAX_OUTPUT_BYTES = 1024 * 1024;

/** Resolves with the output. Rejects with a CliError that holds what the program said. */
export function runTool([program, ...args]: CommandLine, env: NodeJS.ProcessEnv): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { env, timeout: TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES };
    execFile(program, args, options, (error, stdout, stderr) => {
      if (error === null) return resolve(stdout);
      const said = stderr.trim().split('\n').at(-1) || error.message;
      return reject(failureOf([program, ...args], said, error));
    });
  });
}

/** Passes each line of the output on until the program ends or `signal` is aborted. Resolves with its exit code. */
export async function streamTool(
  [program, ...args]: CommandLine,
  { env, signal, onLine }: { env: NodeJS.ProcessEnv; signal: AbortSignal; onLine: (line: string) => void },
): Promise<number> {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const stop = (): void => void child.kill('SIGTERM');
  signal.addEventListener('abort', stop, { once: true });
  const ended = new Promise<number>((resolve, reject) => {
    child.once('error', (error) => reject(failureOf([program, ...args], error.message, error)));
    child.once('close', (code) => resolve(code ?? 0));
  });
  createInterface({ input: child.stdout }).on('line', onLine);
  try {
    return await ended;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function failureOf([program, ...args]: CommandLine, said: string, cause: unknown): CliError {
  const isMissing = (cause as NodeJS.ErrnoException).code === 'ENOENT';
  const message = isMissing
    ? `${program} is not installed`
    : `"${[program, ...args].join(' ')}" failed: ${said}`;
  const needsBus = /connect to bus|No medium found|XDG_RUNTIME_DIR/.test(said);
  const hint = needsBus
    ? 'Log in as this person directly, not with su or sudo, or use --system.'
    : 'Print the definition with --dry-run to use it with another service manager.';
  return new CliError(EXIT.localTarget, message, { hint, cause });
}
