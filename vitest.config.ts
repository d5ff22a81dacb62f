import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';
import { SuiteSequencer } from './test/order/suite-sequencer.js';
import { findMemoryFolder } from './test/services/memory-folder.js';
import { SuiteReporter } from './test/report/suite-reporter.js';

// What tests create in the folder for temporary files: databases, and profiles of browsers.
const memory = findMemoryFolder();
if (memory !== null) process.env['TMPDIR'] ??= memory;

const root = fileURLToPath(new URL('.', import.meta.url));
export const alias = Object.fromEntries(
  ['libs', 'apps'].flatMap((kind) =>
    readdirSync(`${root}${kind}`).map((name) => [`@culvert/${name}`, `${root}${kind}/${name}/src/index.ts`]),
  ),
);

// Nest reads constructor types from decorator metadata, which the transform has to emit.
export const oxc = { decorator: { legacy: true, emitDecoratorMetadata: true } };
const shared = { oxc, resolve: { alias } };

// Five for a machine with two cores: files of `medium` wait a fifth of their time, those of `system` half of it, and
// those that begin the run nearly all of it. All projects but the last share these workers in one group, so that none of
// them waits for the longest file of another.
const maxWorkers = 5;

// Specs share nothing that one of them changes, and loading Nest and Prisma anew for each file costs more than all of its
// tests: 299 s of CPU time for apps/api, 144 s without.
const isolate = false;

// How long `expect.poll` waits: Vitest's own second is less than a busy machine takes to open 500 connections.
const patient = (timeout: number) => ({ poll: { timeout } });

// Whole processes. Those of MEASURED look at memory, at waiting times and at the moment at which the kernel hands over a
// connection, so nothing else runs beside them.
const processes = {
  expect: patient(15_000),
  isolate,
  setupFiles: ['test/support/setup.ts'],
  globalSetup: ['test/services/global-setup.ts'],
  testTimeout: 60_000,
  hookTimeout: 60_000,
};
const MEASURED = ['attackers', 'cluster-faults', 'fairness', 'liveness', 'rolling-restart', 'shutdown'].map(
  (name) => `test/system/${name}.spec.ts`,
);

/** Results as JSON as well, in the file that `TEST_REPORT_FILE` names: `.ci/run` counts them. */
export function jsonReport(): ['json', { outputFile: string }][] {
  const outputFile = process.env['TEST_REPORT_FILE'];
  return outputFile ? [['json', { outputFile }]] : [];
}

export default defineConfig({
  test: {
    reporters: [new SuiteReporter(), ...jsonReport()],
    sequence: { sequencer: SuiteSequencer },
    projects: [
      {
        ...shared,
        test: {
          name: 'unit',
          expect: patient(4000),
          // Some wait for four seconds on purpose, and a busy machine takes a second of work for five.
          testTimeout: 20_000,
          hookTimeout: 20_000,
          maxWorkers,
          isolate,
          include: ['libs/*/src/**/*.spec.ts', 'apps/*/src/**/*.spec.ts'],
          exclude: ['**/*.medium.spec.ts'],
        },
      },
      {
        ...shared,
        test: {
          name: 'medium',
          expect: patient(15_000),
          maxWorkers,
          isolate,
          // What Prisma allocates dies young: the races of libs/store take a fifth less CPU time than with Node's 16 MiB.
          execArgv: ['--max-semi-space-size=64'],
          include: ['libs/*/src/**/*.medium.spec.ts', 'apps/*/src/**/*.medium.spec.ts'],
          globalSetup: ['test/services/global-setup.ts'],
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        ...shared,
        test: {
          ...processes,
          name: 'system',
          // Its ES modules import JSON in a way that Node 20 refuses.
          server: { deps: { inline: [/@actions\/workflow-parser/] } },
          include: ['test/**/*.spec.ts'],
          exclude: [...MEASURED, 'test/dev-servers/**', 'test/kubernetes/**'],
          maxWorkers,
        },
      },
      {
        ...shared,
        test: {
          ...processes,
          name: 'system-alone',
          include: MEASURED,
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
