import { CliError } from './cli-error.js';
import { runCulvert } from './command.js';
import { EXIT } from './exit-code.js';
import { plainText } from './output/plain-text.js';

const interruption = new AbortController();
// The first signal has the command clean up; the second ends the process as it would end any other.
process.once('SIGINT', () => interruption.abort(new CliError(EXIT.interrupted, 'interrupted')));
process.once('SIGTERM', () => interruption.abort(new CliError(EXIT.terminated, 'terminated')));
// Whoever reads our output may have seen enough, as `head` does.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failure);
});

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
