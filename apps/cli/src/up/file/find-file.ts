/** Finds the file that `culvert up` reads. */
import { existsSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { CliError } from '../../cli-error.js';
import { EXIT } from '../../exit-code.js';
import { SMALLEST_FILE } from './smallest-file.js';
import { refuseForeignFile } from './trusted-file.js';

export const FILE_NAMES = ['culvert.yaml', 'culvert.yml', 'culvert.json'] as const;

/**
 * Returns the absolute path of the file.
 * @param folder where the search begins; it continues in the folders above, up to the root of a repository, the home folder or
 *   the root of a file system
 * @param given path from `--file`, relative to `folder`
 * @throws CliError if there is none, a folder has several, or someone else may have written what was found
 */
export function findFile(folder: string, given?: string): string {
  if (given !== undefined) {
    const path = resolve(folder, given);
    if (isFile(path)) return path;
    throw new CliError(EXIT.usage, `--file: ${path} is not a file`);
  }
  const found = searchFile(folder);
  if (found !== null) {
    refuseForeignFile(found);
    return found;
  }
  throw new CliError(EXIT.usage, `there is no ${FILE_NAMES.join(', ')} in ${folder} or above`, {
    hint: `Create culvert.yaml, such as with "${SMALLEST_FILE}", or name another file with --file.`,
  });
}

/**
 * Returns the absolute path of the file that a search from `folder` finds, of any owner; null if there is none.
 * @throws CliError if a folder has several
 */
export function searchFile(folder: string): string | null {
  for (let at = resolve(folder); ; at = dirname(at)) {
    const found = FILE_NAMES.map((name) => join(at, name)).filter(isFile);
    if (found.length > 1) {
      throw new CliError(EXIT.usage, `${at} has several files: ${found.join(', ')}`, {
        hint: 'Remove all but one, or name one with --file.',
      });
    }
    if (found[0] !== undefined) return found[0];
    if (isLast(at)) return null;
  }
}

/** Returns the path of the file, like `findFile`. A file that `--file` names may be gone by now. */
export function locateFile(folder: string, given?: string): string {
  return given === undefined ? findFile(folder) : resolve(folder, given);
}

/** Reports whether the search ends with this folder. */
function isLast(folder: string): boolean {
  const above = dirname(folder);
  if (above === folder || folder === homedir() || existsSync(join(folder, '.git'))) return true;
  try {
    return statSync(folder).dev !== statSync(above).dev;
  } catch {
    return true;
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
