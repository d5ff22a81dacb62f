/** `culvert logs`: the output of a run in the background. */
import { createReadStream, statSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { thisMachine } from '@culvert/client';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT, type ExitCode } from '../exit-code.js';
import { locateFile } from './file/find-file.js';
import { ProjectFiles, runningOf } from './project.js';

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
  if (sizeOf(log) === null) {
    throw new CliError(EXIT.notFound, `there is no log of ${path}`, {
      hint: 'Only runs in the background have one: "culvert up --detach".',
    });
  }
  const show = (line: string): void => {
    if (name === undefined || isOf(line, name))
      output.event({ type: 'line', text: line }, () => output.line(line));
  };
  const reader = new LogReader(log, show);
  for (;;) {
    // Asked before the rest is read, so that the last lines of a run that ends now are shown.
    const isRunning = runningOf(running, path).length > 0;
    await reader.read();
    if (!follow || !isRunning || signal.aborted) break;
    await sleep(LOOK_MS, undefined, { signal }).catch(() => undefined);
  }
  reader.finish();
  return EXIT.ok;
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
