import { failToStart, StartError } from '@culvert/runtime';
import { BackupError, MigrationError } from '@culvert/store';
import { createCommand } from './command.js';

const USAGE = 2;

try {
  await createCommand(process).parseAsync();
  // Open handles, such as idle connections to a database, do not delay the end.
  process.exit();
} catch (error) {
  const { exitCode, code } = error as { exitCode?: unknown; code?: unknown };
  // Errors of commander, which has printed its message; 0 is for --help.
  if (typeof exitCode === 'number' && String(code).startsWith('commander.'))
    process.exit(exitCode === 0 ? 0 : USAGE);
  failToStart(inOneLine(error), { program: 'culvert-admin' });
}

/** Errors of ours, of the system and of Postgres need no stack. */
function inOneLine(error: unknown): unknown {
  const { code, message } = error as { code?: unknown; message?: unknown };
  const isOurs = error instanceof BackupError || error instanceof MigrationError;
  if (!isOurs && typeof code !== 'string') return error;
  return new StartError(String(message === '' ? code : message), { cause: error });
}
