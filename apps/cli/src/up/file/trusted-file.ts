/**
 * Decides whether a file that was found, not named, may be used. It starts commands, so a file that someone else left in a shared
 * folder above must not count.
 */
import { lstatSync, type Stats, statSync } from 'node:fs';
import { CliError } from '../../cli-error.js';
import { EXIT } from '../../exit-code.js';

const GROUP_WRITES = 0o020;
const OTHERS_WRITE = 0o002;

/** The part of a file's state that tells who can change it. */
export type Ownership = Pick<Stats, 'uid' | 'gid' | 'mode'>;

/** A user and their own group. */
export interface Person {
  readonly uid: number;
  readonly gid: number;
}

/** Returns the person who runs this process, or null where files have no such owners (Windows). */
export function thisPerson(): Person | null {
  const { getuid, getgid } = process;
  return getuid === undefined || getgid === undefined ? null : { uid: getuid(), gid: getgid() };
}

/** Returns why someone else may have written a file, or null if only this person or root can. */
export function distrustOf({ uid, gid, mode }: Ownership, person: Person | null): string | null {
  if (person === null) return null;
  if (uid !== person.uid && uid !== 0) return 'belongs to another user';
  if ((mode & OTHERS_WRITE) !== 0) return 'can be changed by every user';
  if ((mode & GROUP_WRITES) === 0 || gid === 0) return null;
  // Many systems give each person a group of their own, with the same number, and let it write.
  return gid === person.gid && gid === person.uid ? null : 'can be changed by its group';
}

/** @throws CliError if someone else may have written the file, or made the link to it */
export function refuseForeignFile(path: string): void {
  const person = thisPerson();
  const link = lstatSync(path);
  // The mode of a link has no meaning.
  refuse(path, link.isSymbolicLink() ? distrustOf({ uid: link.uid, gid: link.gid, mode: 0 }, person) : null);
  refuse(path, distrustOf(statSync(path), person));
}

/** @throws CliError if someone else may have written the file that was opened */
export function refuseForeignContent(path: string, opened: Ownership): void {
  refuse(path, distrustOf(opened, thisPerson()));
}

function refuse(path: string, distrust: string | null): void {
  if (distrust === null) return;
  throw new CliError(EXIT.usage, `${path} was found, but it ${distrust}`, {
    hint: `A file can start commands. If you trust this one, name it: --file ${path}. Otherwise change its owner or mode.`,
  });
}
