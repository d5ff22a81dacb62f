// `npm run fuzz -- http2 [--seconds 20 --seed N]`: hostile frames for both ends of a connection, and both ends against each
// other, within a bounded time. Prints the seed first, so that a failure can be repeated; exits with 1 and as few frames as
// fail when a property is broken.
import { parseArgs } from 'node:util';
import { runFuzz } from '../src/spec/fuzz.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '20' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
});
const seconds = Number(values.seconds);
const seed = Number(values.seed);
if (!(seconds > 0 && seconds <= 86_400) || !Number.isInteger(seed)) {
  process.stderr.write('usage: npm run fuzz -- http2 [--seconds 1..86400] [--seed INTEGER]\n');
  process.exit(2);
}

process.stdout.write(`http2: seed ${seed}, ${seconds} s\n`);
const end = performance.now() + seconds * 1000;
const { iterations, verdicts, failure } = await runFuzz(seed, () => performance.now() < end);

for (const [verdict, count] of [...verdicts].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
  process.stdout.write(`${String(count).padStart(9)}  ${verdict}\n`);
}
process.stdout.write(`${iterations} inputs\n`);
if (failure !== null) {
  const { kind, iteration, frames, error } = failure;
  process.stdout.write(`FAILED at input ${iteration} of seed ${seed}, ${kind} ${failure.seed}\n`);
  for (const bytes of frames) process.stdout.write(`${bytes.toString('hex')}\n`);
  process.stdout.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exitCode = 1;
} else {
  process.stdout.write('every property holds\n');
}
