import { plainText } from '@culvert/client';
import { CliError } from './cli-error.js';
import { clusterProgramOf } from './cluster-programs/command.js';
import { runCulvert } from './command.js';
import { EXIT } from './exit-code.js';

/** Starts the traffic manager or the pod daemon with flags, signals and exit codes of its own. */
export type ClusterProgramStart = () => Promise<unknown>;

/** Runs what `process.argv` names. Ends the process after a command; a program for clusters ends by itself. */
export async function runProgram(startClusterProgram: ClusterProgramStart): Promise<void> {
  const name = clusterProgramOf(process.argv.slice(2));
  if (name === null) {
    await runCommand();
    return;
  }
  // A pod daemon is known by its first argument.
  if (name === 'traffic-manager') process.argv.splice(2, 1);
  await startClusterProgram();
}

async function runCommand(): Promise<void> {
  const { env, stdin, stdout, stderr } = process;
  const exitCode = await runCulvert(process.argv.slice(2), {
    env,
    stdin,
    stdout,
    stderr,
    signal: interruptionSignal(),
  }).catch((error: unknown) => {
    const { stack, message } = error as Error;
    stderr.write(`culvert: internal error in culvert: ${plainText(message)}\n`);
    if (env['CULVERT_DEBUG']) stderr.write(`${stack}\n`);
    return EXIT.failure;
  });
  // Idle connections would keep the process alive for seconds; flush the output first.
  stdout.write('', () => process.exit(exitCode));
}

/** Returns a signal that is aborted when a person ends the command, or its output has no reader. */
function interruptionSignal(): AbortSignal {
  const interruption = new AbortController();
  // The first signal makes the command clean up; the second ends the process in the usual way.
  process.once('SIGINT', () => interruption.abort(new CliError(EXIT.interrupted, 'interrupted')));
  process.once('SIGTERM', () => interruption.abort(new CliError(EXIT.terminated, 'terminated')));
  // When a terminal closes, its shell and the kernel may both send SIGHUP: the second must not interrupt the cleanup.
  process.on('SIGHUP', () => interruption.abort(new CliError(EXIT.hungUp, 'the terminal was closed')));
  // The reader of the output may have closed it, as `head` does, or the terminal was closed. Long-running commands clean up.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    const isGone = error.code === 'EPIPE' || error.code === 'EIO';
    const exitCode = isGone ? EXIT.ok : EXIT.failure;
    interruption.abort(new CliError(exitCode, `the output cannot be written: ${error.message}`));
  });
  // Errors on stderr are not worth ending a command for.
  process.stderr.on('error', () => {});
  return interruption.signal;
}
