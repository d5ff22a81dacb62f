/** Starts `culvert up` in the background, and what its process there does for those that wait for it. */
import { spawn, type ChildProcess } from 'node:child_process';
import {
  closeSync,
  fstatSync,
  ftruncateSync,
  openSync,
  readFileSync,
  readSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { constants } from 'node:os';
import { isSea } from 'node:sea';
import type { Running, RunningEntry } from '@culvert/client';
import { CliError } from '../cli-error.js';
import type { CommandContext, GlobalFlags } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { endpointOf, type ProjectFiles, runningOf } from './project.js';
import type { UpFlags } from './up.js';

/** Output of a run that fails to start, shown to the person who started it. */
const SHOWN_LINES = 20;
const SIGNAL_BASE = 128;
const STDOUT = 1;

/** Limit of a log. A larger one loses all but its end. */
const MAX_LOG_BYTES = 16 * 1024 * 1024;
const KEPT_LOG_BYTES = 1024 * 1024;
const LOOK_MS = 5000;

export interface BackgroundOptions {
  readonly context: CommandContext;
  readonly running: Running;
  readonly files: ProjectFiles;
  /** The file of the endpoints. */
  readonly path: string;
  readonly names: readonly string[];
  readonly flags: Pick<GlobalFlags, 'url' | 'caFile'> & Pick<UpFlags, 'file' | 'inspector' | 'inspectorPort'>;
}

/**
 * Starts a run that outlives this command and its terminal. Resolves with the entries of its endpoints when all have a URL, and
 * with the exit code of a run that failed, after its output was shown.
 */
export async function startInBackground(
  options: BackgroundOptions,
): Promise<readonly RunningEntry[] | number> {
  const { context, files, path, names, flags, running } = options;
  if (process.platform === 'win32') {
    throw new CliError(EXIT.usage, '--detach does not work on Windows', {
      hint: 'Run the command in a terminal of its own.',
    });
  }
  files.makeFolder();
  writeFileSync(files.log, '', { mode: 0o600 });
  const log = openSync(files.log, 'a', 0o600);
  // An executable finds its program in itself.
  const program = isSea() ? [] : [...process.execArgv, process.argv[1] ?? ''];
  const given = [
    // A file that was found is found again, and must still belong to this person.
    ...(flags.file === undefined ? [] : ['--file', path]),
    ...(flags.inspector === false ? ['--no-inspector'] : []),
    ...(flags.inspectorPort === undefined ? [] : ['--inspector-port', String(flags.inspectorPort)]),
    ...(flags.url === undefined ? [] : ['--url', flags.url]),
    ...(flags.caFile === undefined ? [] : ['--ca-file', flags.caFile]),
  ];
  const child = spawn(process.execPath, [...program, 'up', '--announce', ...given, '--', ...names], {
    cwd: process.cwd(),
    env: context.env,
    detached: true,
    stdio: ['ignore', log, log, 'ipc'],
  });
  closeSync(log);
  const exitCode = await announced(child, context.signal);
  if (exitCode !== null) {
    for (const line of lastLines(files.log)) context.output.note(line);
    return exitCode;
  }
  child.unref();
  return runningOf(running, path);
}

/** Resolves with null when the run is ready, or with its exit code. */
function announced(child: ChildProcess, signal: AbortSignal): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const stop = (): void => void child.kill('SIGTERM');
    signal.addEventListener('abort', stop, { once: true });
    const settle = (exitCode: number | null): void => {
      signal.removeEventListener('abort', stop);
      if (child.connected) child.disconnect();
      if (signal.aborted && exitCode !== null) reject(signal.reason as CliError);
      else resolve(exitCode);
    };
    child.once('message', () => settle(null));
    child.once('error', (error) => reject(error));
    child.once('exit', (code, ended) =>
      settle(code ?? SIGNAL_BASE + (ended === null ? 0 : constants.signals[ended])),
    );
  });
}

/** Tells the command that started this process in the background that all endpoints have their URLs. */
export function announceReady(): void {
  if (process.send === undefined) return;
  process.send('ready', () => {
    if (process.connected) process.disconnect();
  });
}

/** Keeps the log, which is the output of this process, below its limit. */
export function limitLog(path: string): void {
  setInterval(() => {
    try {
      if (fstatSync(STDOUT).size <= MAX_LOG_BYTES) return;
      const end = endOf(path, KEPT_LOG_BYTES);
      ftruncateSync(STDOUT, 0);
      writeSync(STDOUT, end);
    } catch {
      // The log is not worth ending the run for.
    }
  }, LOOK_MS).unref();
}

/** Prints the endpoints of a run that is in the background now. */
export function showStarted({ output }: CommandContext, entries: readonly RunningEntry[]): void {
  const started = entries.map((entry) => ({
    name: endpointOf(entry),
    url: entry.url,
    target: entry.target,
    pid: entry.pid,
  }));
  output.result(started, () => {
    for (const { name, url } of started) output.line(`${name}  ${url}`);
  });
  output.note('It runs in the background. "culvert logs" shows its output, "culvert down" ends it.');
}

function lastLines(path: string): string[] {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return lines.slice(-SHOWN_LINES);
}

/** Returns at most the last `bytes` of a file, from the beginning of a line. */
function endOf(path: string, bytes: number): Buffer {
  const file = openSync(path, 'r');
  try {
    const { size } = statSync(path);
    const start = Math.max(0, size - bytes);
    const end = Buffer.alloc(size - start);
    const length = readSync(file, end, 0, end.length, start);
    return end.subarray(end.indexOf(0x0a) + 1, length);
  } finally {
    closeSync(file);
  }
}
