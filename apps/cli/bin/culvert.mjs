#!/usr/bin/env node
// What `npm run build` made of ../src/main.ts.
await import(new URL('../../../dist/apps/cli/src/main.js', import.meta.url).href);
