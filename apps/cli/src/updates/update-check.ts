/** Tells a person at a terminal, at most once a day, that their deployment recommends a newer `culvert`. */
import { mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { isSea } from 'node:sea';
import { configDirectory, VERSION } from '@culvert/client';
import type { CommandContext, Environment } from '../command-context.js';

const DAY_MS = 24 * 60 * 60 * 1000;
/** How long a command waits for the answer: more would be felt. */
const ANSWER_MS = 1000;
/** Its time of change is when the server was last asked. */
const MARK = 'update-check';
/** Commands that change the sign-in, or run at every press of a key. */
const WITHOUT_CHECK: ReadonlySet<string> = new Set(['login', 'logout', '__complete', 'completion']);

type Version = readonly [number, number, number];

/**
 * Resolves with the version that the server recommends if it is newer than this one, else with null. Never rejects. Asks only
 * when a person reads the output and has not turned this off, and not in CI.
 */
export async function findUpdate(
  context: CommandContext,
  { command, stderr }: { readonly command: string; readonly stderr: Environment['stderr'] },
): Promise<string | null> {
  const { env, output } = context;
  const isForPerson = stderr.isTTY === true && !output.isForPrograms && !env['CI'];
  if (!isForPerson || env['CULVERT_NO_UPDATE_CHECK'] || WITHOUT_CHECK.has(command)) return null;
  let timer: NodeJS.Timeout | undefined;
  try {
    if (!isDue(join(configDirectory(env), MARK))) return null;
    const late = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), ANSWER_MS);
    });
    const asked = context.api.call('getServer').catch(() => null);
    const recommended = (await Promise.race([asked, late]))?.clientVersion ?? null;
    return recommended !== null && isNewer(recommended) ? recommended : null;
  } catch {
    // No one is signed in, or the folder cannot be written: the command reports what matters.
    return null;
  } finally {
    clearTimeout(timer);
  }
}

/** Returns the line about a newer version. */
export function updateNote(version: string): string {
  const how = isSea() ? 'install it as you installed this one' : `npm install --global culvert@${version}`;
  return `culvert ${version} is available: ${how}`;
}

/** Reports whether the server was not asked for a day, and notes that it now is. Throws if it cannot note it. */
function isDue(mark: string): boolean {
  const askedAt = statSync(mark, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sinceMs = Date.now() - askedAt;
  // A time in the future is that of a clock that was set back.
  if (sinceMs >= 0 && sinceMs < DAY_MS) return false;
  mkdirSync(join(mark, '..'), { recursive: true, mode: 0o700 });
  writeFileSync(mark, '');
  return true;
}

/** Reports whether a version is newer than that of this program. Anything that is not a version is not. */
function isNewer(version: string): boolean {
  const [theirs, own] = [parse(version), parse(VERSION)];
  if (theirs === null || own === null) return false;
  for (const [i, number] of theirs.entries()) {
    const ours = own[i] ?? 0;
    if (number !== ours) return number > ours;
  }
  return false;
}

function parse(version: string): Version | null {
  const match = /^(\d{1,4})\.(\d{1,4})\.(\d{1,4})$/.exec(version);
  return match === null ? null : [Number(match[1]), Number(match[2]), Number(match[3])];
}
