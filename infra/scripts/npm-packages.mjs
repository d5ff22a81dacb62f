// The npm packages `culvert`, `@culvert/client` and `@culvert/server`. A package is one bundle with its chunks. It has no
// source maps, which would name paths of this machine. Only the server has dependencies: packages that look for files beside
// their own.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundle, PROGRAM_OPTIONS, serverOptions } from './bundle.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

const LAUNCHER = `#!/usr/bin/env node
import module from 'node:module';

// Node 22 and later start sooner when they find it compiled.
module.enableCompileCache?.();
await import('./cli/src/main.js');
`;

// The demo has no arguments of its own.
const SERVER_LAUNCHER = `#!/usr/bin/env node
import { fileURLToPath } from 'node:url';

const [, , command] = process.argv;
if (command === 'path') process.stdout.write(fileURLToPath(import.meta.url) + '\\n');
else if (command === 'demo') await import('./dist/apps/standalone/src/demo/main.js');
else await import('./dist/apps/standalone/src/main.js');
`;

const ADMIN_LAUNCHER = `#!/usr/bin/env node
await import('./dist/apps/admin/src/main.js');
`;

/** Files of `swagger-ui-dist` that the server serves. The package itself would report its installation to others. */
const SWAGGER_UI = [
  'swagger-ui-bundle.js',
  'swagger-ui-bundle.js.LICENSE.txt',
  'swagger-ui.css',
  'favicon-32x32.png',
  'LICENSE',
  'NOTICE',
];

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
  server: { source: 'infra/npm/server', make: makeServer },
};

/** Names of the packages: their folders' last parts. */
export const PACKAGE_NAMES = Object.keys(PACKAGES);

/**
 * Makes the files of a package that npm publishes.
 * @param folder absolute path of where they go, below the root of this repository: with `npm/` and a license, and unless it
 *   is the package's own folder, with its manifest, its README and the other files that the manifest lists
 */
export async function makePackage(name, folder = root + PACKAGES[name].source) {
  const { source, make } = PACKAGES[name];
  mkdirSync(folder, { recursive: true });
  rmSync(`${folder}/npm`, { recursive: true, force: true });
  await make(`${folder}/npm`);
  copyFileSync(`${root}LICENSE`, `${folder}/LICENSE`);
  if (folder === root + source) return;
  const { files } = JSON.parse(readFileSync(`${root}${source}/package.json`, 'utf8'));
  for (const file of ['package.json', 'README.md', ...files.filter((each) => each !== 'npm/')]) {
    copyFileSync(`${root}${source}/${file}`, `${folder}/${file}`);
  }
}

/** Lays the files out as in this repository, because the programs look for them in the folders above. */
async function makeServer(out) {
  for (const built of ['dist/apps/dashboard/index.html', 'dist/embedded-postgres']) {
    if (!existsSync(root + built)) throw new Error(`${built} does not exist: run "npm run build" first`);
  }
  const programs = [
    'apps/admin/src/main',
    'apps/sample-service/src/index',
    'apps/standalone/src/main',
    'apps/standalone/src/demo/main',
  ];
  await bundle(`${out}/dist`, {
    input: Object.fromEntries(programs.map((name) => [name, `${name}.ts`])),
    ...serverOptions(['@culvert/sample-service', 'swagger-ui-dist']),
    sourcemap: false,
  });
  const copies = [
    'dist/apps/dashboard',
    'dist/embedded-postgres',
    'prisma/schema.prisma',
    'prisma/migrations',
  ];
  for (const path of copies) cpSync(root + path, `${out}/${path}`, { recursive: true });
  // The service finds these beside its code, which is a chunk because it is an input too.
  cpSync(`${root}apps/sample-service/src/public`, `${out}/dist/chunks/public`, { recursive: true });
  for (const name of SWAGGER_UI) {
    cpSync(`${root}node_modules/swagger-ui-dist/${name}`, `${out}/dist/apps/swagger-ui/${name}`);
  }
  writeFileSync(`${out}/culvert-server.mjs`, SERVER_LAUNCHER);
  chmodSync(`${out}/culvert-server.mjs`, 0o755);
  writeFileSync(`${out}/culvert-admin.mjs`, ADMIN_LAUNCHER);
  chmodSync(`${out}/culvert-admin.mjs`, 0o755);
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
