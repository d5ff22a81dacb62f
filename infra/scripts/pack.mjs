// Makes the files of an npm package, before `npm pack` and `npm publish` collect them: `node infra/scripts/pack.mjs cli|client`.
// A package is one bundle with its chunks. It has no dependencies and no source maps, which would name paths of this machine.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle, PROGRAM_OPTIONS } from './bundle.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Where libs/client/tsconfig.types.json puts the declarations of all packages. */
const DECLARATIONS = `${root}node_modules/.cache/culvert-declarations`;

const LAUNCHER = `#!/usr/bin/env node
import module from 'node:module';

// Node 22 and later start sooner when they find it compiled.
module.enableCompileCache?.();
await import('./cli/src/main.js');
`;

const PACKAGES = {
  cli: async () => {
    const out = 'apps/cli/npm';
    rmSync(root + out, { recursive: true, force: true });
    await bundle(out, {
      // The same paths as in dist/apps: one finds the other by them.
      input: {
        'cli/src/main': 'apps/cli/src/main.ts',
        'traffic-manager/src/main': 'apps/traffic-manager/src/main.ts',
      },
      ...PROGRAM_OPTIONS,
      sourcemap: false,
    });
    writeFileSync(`${root}${out}/culvert.mjs`, LAUNCHER);
    chmodSync(`${root}${out}/culvert.mjs`, 0o755);
    run('infra/scripts/cli-docs.mjs', '--man', `${root}${out}/culvert.1`);
    copyFileSync(`${root}LICENSE`, `${root}apps/cli/LICENSE`);
  },
  client: async () => {
    const out = 'libs/client/npm';
    rmSync(root + out, { recursive: true, force: true });
    await bundle(out, {
      input: { index: 'libs/client/src/npm.ts', vite: 'libs/client/src/public/vite.ts' },
      ...PROGRAM_OPTIONS,
      sourcemap: false,
    });
    writeDeclarations(`${root}${out}`);
    copyFileSync(`${root}LICENSE`, `${root}libs/client/LICENSE`);
  },
};

/** Keeps those declarations that the exported ones need. They may import Node's types and each other. */
function writeDeclarations(out) {
  run('infra/scripts/generate-client.mjs');
  run('node_modules/typescript/bin/tsc', '-p', 'libs/client/tsconfig.types.json');
  const made = `${DECLARATIONS}/libs/client/src`;
  const pending = ['npm.d.ts', 'public/vite.d.ts'];
  const copied = new Set();
  for (const name of pending) {
    if (copied.has(name)) continue;
    copied.add(name);
    const text = readFileSync(`${made}/${name}`, 'utf8');
    for (const [, specifier] of text.matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']/g)) {
      if (specifier.startsWith('.')) pending.push(join(dirname(name), specifier.replace(/\.js$/, '.d.ts')));
      else if (!specifier.startsWith('node:'))
        throw new Error(`${name} imports ${specifier}, which the package does not contain`);
    }
    mkdirSync(dirname(`${out}/types/${name}`), { recursive: true });
    writeFileSync(`${out}/types/${name}`, text);
  }
  rmSync(DECLARATIONS, { recursive: true });
}

function run(...args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}

const make = PACKAGES[process.argv[2]];
if (make === undefined) {
  process.stderr.write(`usage: node infra/scripts/pack.mjs ${Object.keys(PACKAGES).join('|')}\n`);
  process.exit(2);
}
await make();
