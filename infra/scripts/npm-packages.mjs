// The npm packages `culvert` and `@culvert/client`. A package is one bundle with its chunks. It has no dependencies and no
// source maps, which would name paths of this machine.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle, PROGRAM_OPTIONS } from './bundle.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

const LAUNCHER = `#!/usr/bin/env node
import module from 'node:module';

// Node 22 and later start sooner when they find it compiled.
module.enableCompileCache?.();
await import('./cli/src/main.js');
`;

const PACKAGES = {
  cli: {
    source: 'apps/cli',
    make: async (out) => {
      await bundle(out, {
        // The same paths as in dist/apps: one finds the other by them.
        input: {
          'cli/src/main': 'apps/cli/src/main.ts',
          'traffic-manager/src/main': 'apps/traffic-manager/src/main.ts',
        },
        ...PROGRAM_OPTIONS,
        sourcemap: false,
      });
      writeFileSync(`${out}/culvert.mjs`, LAUNCHER);
      chmodSync(`${out}/culvert.mjs`, 0o755);
      run('infra/scripts/cli-docs.mjs', '--man', `${out}/culvert.1`);
    },
  },
  client: {
    source: 'libs/client',
    make: async (out) => {
      await bundle(out, {
        input: { index: 'libs/client/src/npm.ts', vite: 'libs/client/src/public/vite.ts' },
        ...PROGRAM_OPTIONS,
        sourcemap: false,
      });
      writeDeclarations(out);
    },
  },
};

/** Names of the packages: their folders' last parts. */
export const PACKAGE_NAMES = Object.keys(PACKAGES);

/**
 * Makes the files of a package that npm publishes.
 * @param folder absolute path of where they go, below the root of this repository: with `npm/` and a license, and unless it
 *   is the package's own folder, with its manifest and README
 */
export async function makePackage(name, folder = root + PACKAGES[name].source) {
  const { source, make } = PACKAGES[name];
  mkdirSync(folder, { recursive: true });
  rmSync(`${folder}/npm`, { recursive: true, force: true });
  await make(`${folder}/npm`);
  copyFileSync(`${root}LICENSE`, `${folder}/LICENSE`);
  for (const file of ['package.json', 'README.md']) {
    if (folder !== root + source) copyFileSync(`${root}${source}/${file}`, `${folder}/${file}`);
  }
}

/** Keeps those declarations that the exported ones need. They may import Node's types and each other. */
function writeDeclarations(out) {
  run('infra/scripts/generate-client.mjs');
  const declarations = `${out}/declarations`;
  run('node_modules/typescript/bin/tsc', '-p', 'libs/client/tsconfig.types.json', '--outDir', declarations);
  const made = `${declarations}/libs/client/src`;
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
  rmSync(declarations, { recursive: true });
}

function run(...args) {
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2] });
  if (status !== 0) throw new Error(`${args[0]} failed`);
}
