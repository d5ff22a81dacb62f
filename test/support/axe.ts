import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

/** A script that makes `axe` a global. Evaluated as a string, so that it passes by the page's policy. */
export const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
