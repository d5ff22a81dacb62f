import { CliError } from './cli-error.js';
import { runCulvert } from './command.js';
import { EXIT } from './exit-code.js';
import { plainText } from './output/plain-text.js';

const interruption = new AbortController();
// The first signal has the command clean up; the second ends the process as it would end any other.
process.once('SIGINT', () => interruption.abort(new CliError(EXIT.interrupted, 'interrupted')));
process.once('SIGTERM', () => interruption.abort(new CliError(EXIT.terminated, 'terminated')));
// When a terminal closes, its shell and the kernel may both send one: the second must not stop the cleaning up.
process.on('SIGHUP', () => interruption.abort(new CliError(EXIT.hungUp, 'the terminal was closed')));
// The reader of the output may have seen enough, as `head` does, or its terminal was closed. Commands that go on clean up.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  const isGone = error.code === 'EPIPE' || error.code === 'EIO';
  const exitCode = isGone ? EXIT.ok : EXIT.failure;
  interruption.abort(new CliError(exitCode, `the output cannot be written: ${error.message}`));
});
// What is said beside the output is not worth ending a command for.
process.stderr.on('error', () => {});

const { env, stdin, stdout, stderr } = process;
const exitCode = await runCulvert(process.argv.slice(2), {
  env,
  stdin,
  stdout,
  stderr,
  signal: interruption.signal,
}).catch((error: unknown) => {
  const { stack, message } = error as Error;
  stderr.write(`culvert: something went wrong in this program: ${plainText(message)}\n`);
  if (env['CULVERT_DEBUG']) stderr.write(`${stack}\n`);
  return EXIT.failure;
});
// Idle connections would hold the process for seconds; what was printed goes out first.
stdout.write('', () => process.exit(exitCode));
