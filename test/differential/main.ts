// `npm run differential [-- --seconds 60 --seed N]`: responses through nginx, Node's client and the relay, compared. Prints
// the seed first, so that a run can be repeated; exits with 1 and the cases that differ.
import { parseArgs } from 'node:util';
import { Differential } from './differential.js';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
});
const seconds = Number(values.seconds);
const seed = Number(values.seed);
if (!(seconds > 0 && seconds <= 86_400) || !Number.isInteger(seed)) {
  process.stderr.write('usage: npm run differential -- [--seconds 1..86400] [--seed INTEGER]\n');
  process.exit(2);
}

process.stdout.write(`seed ${seed}, ${seconds} s\n`);
const differential = await Differential.start();
const end = performance.now() + seconds * 1000;
const { cases, counts, differences } = await differential.run(seed, () => performance.now() < end);
await differential.stop();

for (const [outcome, count] of [...counts].toSorted(([, a], [, b]) => b - a)) {
  process.stdout.write(`${String(count).padStart(9)}  ${outcome}\n`);
}
process.stdout.write(`${cases} cases\n`);
for (const { index, what, input, readings } of differences.slice(0, 20)) {
  process.stdout.write(`\nDIFFERS at case ${index} of seed ${seed}: ${what}\n`);
  process.stdout.write(`${input.method}, ${JSON.stringify(input)}\n`);
  for (const [name, reading] of Object.entries(readings))
    process.stdout.write(`  ${name.padEnd(7)}${JSON.stringify(reading).slice(0, 400)}\n`);
}
process.stdout.write(differences.length === 0 ? 'nothing differs\n' : `${differences.length} cases differ\n`);
if (differences.length > 0) process.exitCode = 1;
process.exit();
