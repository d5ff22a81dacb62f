import { defineConfig } from 'vitest/config';
import { SuiteReporter } from './test/report/suite-reporter.js';
import { alias, jsonReport, oxc } from './vitest.config.js';

/** The Helm charts on a real Kubernetes API server. Its programs are built at first use, so this is not a part of `npm test`. */
export default defineConfig({
  oxc,
  resolve: { alias },
  test: {
    name: 'kubernetes',
    include: ['test/kubernetes/*.spec.ts'],
    setupFiles: ['test/support/setup.ts'],
    globalSetup: ['test/services/global-setup.ts'],
    reporters: [new SuiteReporter(), ...jsonReport()],
    testTimeout: 120_000,
    // The first start may build the programs.
    hookTimeout: 1_800_000,
    fileParallelism: false,
  },
});
