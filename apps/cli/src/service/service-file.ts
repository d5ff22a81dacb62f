/** The file that a service with `culvert up` reads. */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { parseDocument } from 'yaml';
import { CliError } from '../cli-error.js';
import type { CommandContext, GlobalFlags } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { withFileSettings } from '../up/file-settings.js';
import { findFile, searchFile } from '../up/file/find-file.js';
import { FileError } from '../up/file/parse-file.js';
import { readUpFile } from '../up/file/read-file.js';

/** Variables that services have without their definition. */
const ALWAYS_SET = ['HOME', 'PATH', 'USER', 'XDG_CONFIG_HOME', 'APPDATA'];

/**
 * Reports whether the file that `words` lead to names the URL of Culvert. It may belong to the account of the service, so it is
 * only looked at.
 * @param words the command line of the service
 */
export function namesUrl(words: readonly string[]): boolean {
  const path = fileFlagOf(words) ?? searchFile(process.cwd());
  if (path === null) return false;
  try {
    const url: unknown = parseDocument(readFileSync(path, 'utf8'), { merge: true }).get('url');
    return typeof url === 'string' && url !== '';
  } catch {
    // The service reports what is wrong with it.
    return false;
  }
}

/**
 * Returns the context that `culvert up` has in a service whose definition has these variables.
 * @throws CliError if the service could not use the file
 */
export function contextInService(
  context: CommandContext,
  words: readonly string[],
  { variables, flags }: { readonly variables: NodeJS.ProcessEnv; readonly flags: GlobalFlags },
): CommandContext {
  const given = fileFlagOf(words);
  const path = findFile(process.cwd(), given ?? undefined);
  const env = { ...Object.fromEntries(ALWAYS_SET.map((name) => [name, context.env[name]])), ...variables };
  try {
    const file = readUpFile(path, env, { isNamed: given !== null });
    const { output, stdin, signal, http } = context;
    return withFileSettings({ env, output, stdin, signal, http }, file, flags);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    throw new CliError(EXIT.usage, `the service cannot use the file: ${error.message}`, {
      hint: 'A service does not see the variables of this terminal. --env-file names a file of variables.',
      cause: error,
    });
  }
}

function fileFlagOf(words: readonly string[]): string | null {
  const { values } = parseArgs({
    args: words.slice(1),
    options: { file: { type: 'string' } },
    strict: false,
    allowPositionals: true,
  });
  return typeof values.file === 'string' ? values.file : null;
}
