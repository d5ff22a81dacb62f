/** `npm run bench -- [--json FILE] [--rounds N] [--seconds S] [--only NAME]`: see CONTRIBUTING.md. */
import { writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { download, upload } from './bulk.js';
import { latency } from './latency.js';
import type { Measure, MeasureResult } from './measure.js';
import { toJson, toMarkdown } from './report.js';
import { requests } from './requests.js';
import { startRig } from './rig.js';

const MEASURES: readonly Measure[] = [requests, latency, download, upload];
const USAGE = `Usage: npm run bench -- [options]
  --json FILE    also write the figures as JSON
  --rounds N     measurements of each way (default 5)
  --seconds S    length of a measurement (default 5)
  --only NAME    one of ${MEASURES.map(({ name }) => name).join(', ')}; may be repeated
`;

interface Options {
  readonly json: string | null;
  readonly rounds: number;
  readonly seconds: number;
  readonly measures: readonly Measure[];
}

function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '5' },
      only: { type: 'string', multiple: true },
    },
  });
  const { json = null, only } = values;
  const unknown = only?.find((name) => MEASURES.every((measure) => measure.name !== name));
  if (unknown !== undefined) throw new Error(`--only: there is no measure "${unknown}"`);
  return {
    json,
    rounds: wholeNumber('--rounds', values.rounds, 100),
    seconds: wholeNumber('--seconds', values.seconds, 300),
    measures: only ? MEASURES.filter(({ name }) => only.includes(name)) : MEASURES,
  };
}

function wholeNumber(flag: string, text: string, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > max) throw new Error(`${flag} must be from 1 to ${max}`);
  return value;
}

/** Whether every measure succeeded. */
async function run({ json, rounds, seconds, measures }: Options): Promise<boolean> {
  const results: MeasureResult[] = [];
  const rig = await startRig();
  try {
    for (const { name, run: runMeasure } of measures) {
      process.stderr.write(`${name}: ${rounds} rounds\n`);
      try {
        results.push(await runMeasure(rig, { rounds, seconds }));
      } catch (error) {
        process.stderr.write(`${name} failed: ${String(error)}\n`);
      }
    }
  } finally {
    await rig.stop();
  }
  process.stdout.write(`${toMarkdown(results)}\n`);
  if (json !== null) writeFileSync(json, toJson(results));
  return results.length === measures.length;
}

// Whatever was started ends with this process, and its temporary folders go: a listener each.
process.setMaxListeners(100);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

let options: Options | null = null;
try {
  options = parseOptions(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n${USAGE}`);
  process.exitCode = 2;
}
if (options && !(await run(options))) process.exitCode = 1;
