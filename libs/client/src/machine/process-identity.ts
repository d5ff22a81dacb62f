/** Tells a process from a later one that got the same number: by the time at which it started. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const COMMAND_TIMEOUT_MS = 5000;
/** Field 22 of `/proc/PID/stat` (proc(5)) counts from the third, which follows the name in parentheses. */
const START_FIELD = 22 - 3;
/** Windows names the start of a process, Node that of its own runtime, which is a moment later. */
const WINDOWS_SLACK_MS = 5000;

/** The part of an entry that names its process. */
export interface ProcessIdentity {
  readonly pid: number;
  /** What `processStart` returned for it; null: unknown. */
  readonly processStart: string | null;
}

let own: string | null | undefined;

/** Returns when this process started, in the form of `processStart`. */
export function ownStart(): string | null {
  own ??=
    process.platform === 'win32' ? String(Math.round(performance.timeOrigin)) : processStart(process.pid);
  return own;
}

/** Returns a text that differs between two processes that have the same id one after the other; null: unknown. */
export function processStart(pid: number): string | null {
  try {
    switch (process.platform) {
      case 'linux':
        return startOfStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
      case 'win32':
        return run('powershell.exe', [
          '-NoProfile',
          '-NonInteractive',
          '-Command',
          `[DateTimeOffset]::new((Get-Process -Id ${pid}).StartTime).ToUnixTimeMilliseconds()`,
        ]);
      default:
        return run('ps', ['-o', 'lstart=', '-p', String(pid)]);
    }
  } catch {
    return null;
  }
}

/** Returns the start in clock ticks since the machine started. The name of a program may have spaces and parentheses. */
export function startOfStat(stat: string): string | null {
  const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[START_FIELD];
  return start !== undefined && /^\d+$/.test(start) ? start : null;
}

/** Reports whether two starts are those of one process. */
export function isSameStart(a: string, b: string): boolean {
  return process.platform === 'win32' ? Math.abs(Number(a) - Number(b)) <= WINDOWS_SLACK_MS : a === b;
}

/**
 * Asks a process to end (SIGTERM), but no other one that has its number by now. Returns `unknown` without a signal if it
 * cannot be known which of both it is, as for entries of older versions.
 * @throws Error of the system if this person may not end it
 */
export function endProcess({ pid, processStart: expected }: ProcessIdentity): 'asked' | 'ended' | 'unknown' {
  if (!isInUse(pid)) return 'ended';
  const found = expected === null ? null : processStart(pid);
  if (expected === null || found === null) return isInUse(pid) ? 'unknown' : 'ended';
  if (!isSameStart(expected, found)) return 'ended';
  try {
    process.kill(pid, 'SIGTERM');
    return 'asked';
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return 'ended';
    throw error;
  }
}

/** Reports whether any process has this number. */
export function isInUse(pid: number): boolean {
  // 0 and negative numbers stand for groups.
  if (pid <= 0) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function run(program: string, args: readonly string[]): string | null {
  const output = execFileSync(program, args, {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C', TZ: 'UTC' },
    stdio: ['ignore', 'pipe', 'ignore'],
    timeout: COMMAND_TIMEOUT_MS,
    windowsHide: true,
  }).trim();
  return output === '' ? null : output;
}
