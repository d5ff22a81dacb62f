#!/usr/bin/env node
// What `npm run build` made of ../src/main.ts.
import module from 'node:module';

// Node 22 and later start sooner when they find it compiled.
module.enableCompileCache?.();
await import(new URL('../../../dist/apps/cli/src/main.js', import.meta.url).href);
