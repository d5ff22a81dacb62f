/** `culvert logs`: the output of a run in the background. */
import { createReadStream, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Running, type RunningEntry, thisMachine } from '@culvert/client';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import { locateFile } from './file/find-file.js';
import { readUpFile } from './file/read-file.js';
import { endpointOf, keptOf, ProjectFiles, runningOf } from './project.js';

const LOOK_MS = 300;

/** The flags of `logs`. */
export interface LogsFlags {
  readonly file?: string;
  readonly follow?: boolean;
}

export async function logs(
  { output, env, signal }: CommandContext,
  name: string | undefined,
  { file, follow = false }: LogsFlags,
): Promise<ExitCode> {
  const path = locateFile(process.cwd(), file);
  const { log } = new ProjectFiles(env, path);
  const { running } = thisMachine(env);
  if (sizeOf(log) === null) throw noLog(path, runningOf(running, path));
  let isKnown =
    name === undefined || endpointsOf(env, path, file !== undefined, running).has(endpointPart(name));
  const show = (line: string): void => {
    if (name !== undefined && !isOf(line, name)) return;
    isKnown = true;
    output.event({ type: 'line', text: line }, () => output.line(line));
  };
  const reader = new LogReader(log, show);
  for (;;) {
    // Asked before the rest is read, so that the last lines of a run that ends now are shown.
    const isRunning = runningOf(running, path).length > 0;
    await reader.read();
    if (!isKnown) throw unknownEndpoint(path, name ?? '');
    if (!follow || !isRunning || signal.aborted) break;
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
  reader.finish();
  return EXIT.ok;
}

/** Returns why there is no log. A run that is not in the background removes the log of an earlier one. */
function noLog(path: string, [first]: readonly RunningEntry[]): CliError {
  if (first === undefined) {
    return new CliError(EXIT.notFound, `there is no log of ${path}`, {
      hint: 'Only runs in the background have one: "culvert up --detach".',
    });
  }
  return new CliError(
    EXIT.conflict,
    `${endpointOf(first)} is up, but not in the background: process ${first.pid} prints its output`,
    {
      hint: 'Look at its terminal, or run "culvert service logs" if it is a service. "culvert logs" is for "culvert up --detach".',
    },
  );
}

function unknownEndpoint(path: string, name: string): CliError {
  return new CliError(EXIT.notFound, `neither ${path} nor its log has an endpoint ${name}`, {
    hint: '"culvert up --check" shows the endpoints of the file.',
  });
}

/** Returns the names of the endpoints that the file has, or that run or have a URL. */
function endpointsOf(env: NodeJS.ProcessEnv, path: string, isNamed: boolean, running: Running): Set<string> {
  const names = [...runningOf(running, path), ...keptOf(running, path)].map(endpointOf);
  try {
    names.push(...readUpFile(path, env, { isNamed }).endpoints.map((each) => each.name));
  } catch {
    // The log of a file that is gone or has mistakes can be read all the same.
  }
  return new Set(names);
}

/** Returns the endpoint of a name such as `web/api`, which is one of its paths. */
function endpointPart(name: string): string {
  return name.split('/')[0] ?? '';
}

/** Reports whether a line is about an endpoint, one of its paths, or its URL. */
function isOf(line: string, name: string): boolean {
  if (!line.startsWith(name)) return false;
  return /^(?:\/\S*)? {1,2}(?:\| |https?:)/.test(line.slice(name.length));
}

/** Reads what was added to a file since it was last read. */
class LogReader {
  private offset = 0;
  private rest = '';

  constructor(
    private readonly path: string,
    private readonly onLine: (line: string) => void,
  ) {}

  async read(): Promise<void> {
    const size = sizeOf(this.path) ?? 0;
    // The next run, or one whose log became too large, begins anew.
    if (size < this.offset) this.offset = 0;
    if (size === this.offset) return;
    const stream = createReadStream(this.path, { start: this.offset, end: size - 1, encoding: 'utf8' });
    this.offset = size;
    for await (const text of stream) {
      const lines = (this.rest + (text as string)).split('\n');
      this.rest = lines.pop() ?? '';
      for (const line of lines) this.onLine(line);
    }
  }

  finish(): void {
    if (this.rest !== '') this.onLine(this.rest);
  }
}

function sizeOf(path: string): number | null {
  try {
    return statSync(path).size;
  } catch {
    return null;
  }
}
