// Compiles every workspace into dist/ and makes `@culvert/<lib>` resolve to the compiled libs from there.
// The libs' own package.json files point at TypeScript sources, which editors, the type checker and Vitest read.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Runs scripts at the same time, each given as the arguments of Node. Ends this process if one fails, once all have ended.
 */
async function run(...scripts) {
  const codes = await Promise.all(
    scripts.map(async (args) => {
      const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 2, 2] });
      const [code] = await once(child, 'exit');
      return code ?? 1;
    }),
  );
  const failed = codes.find((code) => code !== 0);
  if (failed !== undefined) process.exit(failed);
}

/** A build takes half a minute, so print the current step. */
function tell(step) {
  process.stderr.write(`build: ${step} …\n`);
}

tell('generating sources');
await run(['infra/scripts/generate.mjs']);
tell('compiling sources and building the dashboard');
await run(['node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'], ['infra/scripts/build-dashboard.mjs']);

// tsc copies no assets: an app keeps them in src/public/ and finds them beside its compiled files.
for (const name of readdirSync(`${root}apps`)) {
  const assets = `apps/${name}/src/public`;
  rmSync(`${root}dist/${assets}`, { recursive: true, force: true });
  if (existsSync(root + assets)) cpSync(root + assets, `${root}dist/${assets}`, { recursive: true });
}

const scope = `${root}dist/node_modules/@culvert`;
rmSync(scope, { recursive: true, force: true });
mkdirSync(scope, { recursive: true });
for (const kind of ['libs', 'apps']) {
  for (const name of readdirSync(`${root}${kind}`)) {
    const manifest = JSON.parse(readFileSync(`${root}${kind}/${name}/package.json`, 'utf8'));
    if (!manifest.exports) continue;
    const compiled = { name: manifest.name, type: 'module', exports: {} };
    for (const [entry, target] of Object.entries(manifest.exports)) {
      // A package that is published to npm names its source by a condition.
      const source = typeof target === 'string' ? target : target['culvert-source'];
      if (source?.endsWith('.ts')) compiled.exports[entry] = source.replace(/\.ts$/, '.js');
    }
    mkdirSync(`${root}dist/${kind}/${name}`, { recursive: true });
    writeFileSync(`${root}dist/${kind}/${name}/package.json`, JSON.stringify(compiled));
    symlinkSync(`../../${kind}/${name}`, `${scope}/${name}`);
  }
}

tell('bundling programs, writing the manual page and preparing the embedded database');
await run(
  ['infra/scripts/bundle-programs.mjs'],
  ['infra/scripts/cli-docs.mjs', '--man', `${root}dist/apps/cli/man/culvert.1`],
  [
    '--import',
    './infra/scripts/same-everywhere.mjs',
    'dist/libs/store/src/migrate/write-migrated-cluster.js',
  ],
);
