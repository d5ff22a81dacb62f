import { defineConfig } from 'vitest/config';
import { alias, oxc } from './vitest.config.js';

/** Real development servers: they are installed from registries, so this is not a part of `npm test`. */
export default defineConfig({
  oxc,
  resolve: { alias },
  test: {
    name: 'dev-servers',
    include: ['test/dev-servers/*.spec.ts'],
    globalSetup: ['test/dev-servers/global-setup.ts'],
    reporters: ['verbose'],
    testTimeout: 150_000,
    hookTimeout: 600_000,
    fileParallelism: false,
  },
});
