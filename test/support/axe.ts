import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** A script that defines the global `axe`. Evaluated as a string, so that it bypasses the page's policy. */
export const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
