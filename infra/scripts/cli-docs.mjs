// Writes documents about the commands of culvert from their definitions: the web reference docs/cli-reference.md and the
// JSON Schema of culvert.yaml or, with --man FILE, the manual page.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { rolldown } from 'rolldown';
import { RESOLVE_SOURCES } from './bundle.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { values } = parseArgs({ options: { man: { type: 'string' } } });

/** Definitions are TypeScript. The bundle is below the root, where it finds the packages that it imports. */
async function loadDefinitions() {
  const file = `${root}node_modules/.cache/culvert-cli-docs-${process.pid}/index.mjs`;
  const bundled = await rolldown({
    cwd: root,
    input: 'apps/cli/src/reference/index.ts',
    platform: 'node',
    tsconfig: false,
    external: (id) => !/^[./]|^@culvert\/|^apps\//.test(id),
    resolve: RESOLVE_SOURCES,
    treeshake: { moduleSideEffects: [{ test: /\/libs\/[^/]+\/src\//, sideEffects: false }] },
    logLevel: 'silent',
  });
  await bundled.write({ dir: dirname(file), format: 'esm', entryFileNames: 'index.mjs' });
  await bundled.close();
  try {
    return await import(pathToFileURL(file).href);
  } finally {
    rmSync(dirname(file), { recursive: true, force: true });
  }
}

const { cliReference, manPage, upFileSchema } = await loadDefinitions();
if (values.man === undefined) {
  writeFileSync(`${root}docs/cli-reference.md`, cliReference());
  const schema = 'apps/cli/culvert.schema.json';
  writeFileSync(root + schema, upFileSchema());
  // The check of formats covers the file.
  spawnSync(process.execPath, ['node_modules/oxfmt/bin/oxfmt', schema], { cwd: root, stdio: 'inherit' });
} else {
  mkdirSync(dirname(values.man), { recursive: true });
  writeFileSync(values.man, manPage());
}
