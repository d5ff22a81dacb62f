/** A command that runs beside its endpoint, in a process group of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { StringDecoder } from 'node:string_decoder';
import { stripVTControlCharacters } from 'node:util';
import type { CommandPlan } from './file/read-file.js';

/** Longer lines are printed in pieces. */
const MAX_LINE_LENGTH = 8192;
/** Interval of checks whether the processes of a group have ended. */
const LOOK_MS = 50;
const HAS_GROUPS = process.platform !== 'win32';

export interface CommandProcessOptions {
  /** Its environment, without the variables of the plan. */
  readonly env: NodeJS.ProcessEnv;
  readonly onLine: (text: string, stream: 'stdout' | 'stderr') => void;
  /** It ended by itself, or could not be started. @param how for people: `ended with exit code 1` */
  readonly onEnded: (how: string) => void;
}

/** Processes whose commands have not ended. */
const running = new Set<CommandProcess>();
process.on('exit', () => killCommands());

/** Kills all commands at once, when there is no time to let them end. */
export function killCommands(): void {
  for (const each of running) each.kill();
}

export class CommandProcess {
  private readonly child: ChildProcess;
  private readonly exited: Promise<void>;
  private isStopping = false;

  constructor({ command, workingDirectory, env }: CommandPlan, options: CommandProcessOptions) {
    const [program, args] =
      typeof command === 'string' ? [command, []] : [command[0] ?? '', command.slice(1)];
    this.child = spawn(program, args, {
      cwd: workingDirectory,
      env: { ...options.env, ...env },
      shell: typeof command === 'string',
      // A group that Ctrl-C at the terminal does not reach: it is ended in order.
      detached: HAS_GROUPS,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    });
    running.add(this);
    const { stdout, stderr } = this.child;
    if (stdout !== null) readLines(stdout, (text) => options.onLine(text, 'stdout'));
    if (stderr !== null) readLines(stderr, (text) => options.onLine(text, 'stderr'));
    this.exited = new Promise((resolve) => {
      const settle = (how: string): void => {
        if (!this.hasProcesses()) running.delete(this);
        if (!this.isStopping) options.onEnded(how);
        resolve();
      };
      this.child.once('error', (error) => settle(`cannot be started: ${reasonOf(error, workingDirectory)}`));
      this.child.once('exit', (code, signal) =>
        settle(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`),
      );
    });
  }

  /** Ends it and all that it started: by SIGTERM, then, after `graceMs`, by SIGKILL. */
  async stop(graceMs: number): Promise<void> {
    this.isStopping = true;
    if (!running.has(this)) return;
    this.send('SIGTERM');
    const end = performance.now() + graceMs;
    while (this.hasProcesses() && performance.now() < end) await sleep(LOOK_MS);
    this.kill();
    await this.exited;
  }

  kill(): void {
    this.isStopping = true;
    if (running.delete(this)) this.send('SIGKILL');
  }

  private send(signal: NodeJS.Signals): void {
    const { pid } = this.child;
    if (pid === undefined) return;
    try {
      if (HAS_GROUPS) process.kill(-pid, signal);
      else runTaskkill(pid);
    } catch {
      // All of its processes have ended.
    }
  }

  /** A command may end and leave processes that it started. */
  private hasProcesses(): boolean {
    const { pid, exitCode, signalCode } = this.child;
    if (pid === undefined) return false;
    if (!HAS_GROUPS) return exitCode === null && signalCode === null;
    try {
      process.kill(-pid, 0);
      return true;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM';
    }
  }
}

/** Reports whether commands can run in a folder. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Names a missing folder: the error of the system names the program, which may exist. */
function reasonOf(error: Error, workingDirectory: string): string {
  try {
    if (!isFolder(workingDirectory)) return `its workingDirectory ${workingDirectory} is not a folder`;
  } catch {
    // What the system reported is the better reason.
  }
  return error.message;
}

function runTaskkill(pid: number): void {
  const child = spawn('taskkill', ['/pid', String(pid), '/T', '/F'], { stdio: 'ignore', windowsHide: true });
  child.on('error', () => {});
}

function readLines(stream: Readable, onLine: (text: string) => void): void {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  const show = (line: string): void => onLine(stripVTControlCharacters(line.replace(/\r$/, '')));
  stream.on('data', (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) show(line);
    for (; rest.length > MAX_LINE_LENGTH; rest = rest.slice(MAX_LINE_LENGTH))
      show(rest.slice(0, MAX_LINE_LENGTH));
  });
  stream.on('end', () => {
    if (rest !== '') show(rest);
  });
  stream.on('error', () => {});
}
