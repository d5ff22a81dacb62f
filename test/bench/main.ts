/** `npm run bench -- [options]`: see docs/performance.md. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { access } from './access.js';
import { agent } from './agent.js';
import { download, upload } from './bulk.js';
import { costs } from './costs.js';
import { expose } from './expose.js';
import { fleet } from './fleet.js';
import { grpc } from './grpc.js';
import { http2 } from './http2.js';
import { latency } from './latency.js';
import type { Effort, Measure, MeasureResult } from './measure.js';
import { newHostname } from './new-hostname.js';
import { npx } from './npx.js';
import { peers } from './peers/peers.js';
import { placeReport, toJson, toMarkdown } from './report.js';
import { requests } from './requests.js';
import { roundTrip } from './round-trip.js';
import { scale } from './scale.js';
import { Scope } from './scope.js';
import { telepresence } from './telepresence.js';
import { tls } from './tls.js';
import { tunnelMemory } from './tunnel-memory.js';
import { watching } from './watching.js';
import { websocket } from './websocket.js';

const MEASURES: readonly Measure[] = [
  requests,
  access,
  watching,
  latency,
  download,
  upload,
  tls,
  http2,
  grpc,
  websocket,
  fleet,
  scale,
  agent,
  tunnelMemory,
  costs,
  roundTrip,
  newHostname,
  expose,
  npx,
  peers,
];
const USAGE = `Usage: npm run bench -- [options]
  --json FILE      also write the figures as JSON
  --markdown FILE  also write the report; into its place when FILE is a page that has one
  --rounds N       measurements of each way (default 5)
  --seconds S      length of a measurement (default 4)
  --only NAME      one of ${MEASURES.map(({ name }) => name).join(', ')}; may be repeated
  --tunnel KIND    telepresence: only its reverse connection beside the native tunnel, which no other run measures
  --node=ARG       argument of Node in edge and traffic manager, such as --cpu-prof; may be repeated
`;

interface Options extends Effort {
  readonly json: string | null;
  readonly markdown: string | null;
  readonly measures: readonly Measure[];
  readonly nodeArgs: readonly string[];
}

/** Null if help was requested. */
function parseOptions(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: 'string' },
      markdown: { type: 'string' },
      rounds: { type: 'string', default: '5' },
      seconds: { type: 'string', default: '4' },
      only: { type: 'string', multiple: true },
      tunnel: { type: 'string' },
      node: { type: 'string', multiple: true },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return null;
  const { json = null, markdown = null, only, tunnel, node = [] } = values;
  if (tunnel !== undefined && tunnel !== telepresence.name)
    throw new Error(`--tunnel: there is no kind "${tunnel}"`);
  const unknown = only?.find((name) => MEASURES.every((measure) => measure.name !== name));
  if (unknown !== undefined) throw new Error(`--only: there is no measure "${unknown}"`);
  return {
    json,
    markdown,
    rounds: wholeNumber('--rounds', values.rounds, 100),
    seconds: wholeNumber('--seconds', values.seconds, 300),
    measures: tunnel ? [telepresence] : only ? MEASURES.filter(({ name }) => only.includes(name)) : MEASURES,
    nodeArgs: node,
  };
}

function wholeNumber(flag: string, text: string, max: number): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || value < 1 || value > max) throw new Error(`${flag} must be from 1 to ${max}`);
  return value;
}

/** Reports whether every measure succeeded. A missed target is a figure, not a failure. */
async function run({ json, markdown, measures, nodeArgs, ...effort }: Options): Promise<boolean> {
  const results: MeasureResult[] = [];
  for (const measure of measures) {
    process.stderr.write(`${measure.name}\n`);
    const result = await runMeasure(measure, new Scope(nodeArgs), effort);
    if (result) results.push(result);
  }
  const report = `${toMarkdown(results)}\n`;
  process.stdout.write(report);
  if (json !== null) writeFileSync(json, toJson(results));
  if (markdown !== null) writeMarkdown(markdown, report);
  return results.length === measures.length;
}

function writeMarkdown(file: string, report: string): void {
  writeFileSync(file, existsSync(file) ? placeReport(readFileSync(file, 'utf8'), report) : report);
}

/** Null if it failed: the others still count. Everything it started is stopped either way. */
async function runMeasure(measure: Measure, scope: Scope, effort: Effort): Promise<MeasureResult | null> {
  try {
    return await measure.run(scope, effort);
  } catch (error) {
    process.stderr.write(`${measure.name} failed: ${(error as Error).stack}\n`);
    return null;
  } finally {
    await scope.close();
  }
}

// Everything started ends with this process, and its temporary folders are removed: each needs a listener.
process.setMaxListeners(100);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));

let options: Options | null = null;
try {
  options = parseOptions(process.argv.slice(2));
  if (options === null) process.stdout.write(USAGE);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n${USAGE}`);
  process.exitCode = 2;
}
if (options && !(await run(options))) process.exitCode = 1;
