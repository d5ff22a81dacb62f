// Builds the dashboard into dist/apps/dashboard, and the page of the local inspector into dist/apps/local-inspector, if their
// sources are newer than the last build. Stores a compressed copy beside each file of the dashboard, so that no server
// compresses per request.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { modulesOf } from './bundle.mjs';
import { MODULES_FILE } from './inspector-page.mjs';
import { NOTICES_FILE, noticesOf } from './third-party-notices.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const source = `${root}apps/dashboard`;
const target = `${root}dist/apps/dashboard`;
const stamp = `${target}/.source-hash`;

const hash = createHash('sha256')
  .update(readFileSync(`${root}package-lock.json`))
  .update(readFileSync(fileURLToPath(import.meta.url)))
  .update(readFileSync(`${root}infra/scripts/third-party-notices.mjs`));
for (const name of filesIn(source)) {
  if (!name.startsWith('node_modules')) hash.update(name).update(readFileSync(join(source, name)));
}
const digest = hash.digest('hex');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== digest) {
  // React and Mantine have one build for development and one for production.
  process.env.NODE_ENV = 'production';
  const { build } = await import('vite');
  const { output } = await build({ configFile: `${source}/vite.config.ts`, logLevel: 'warn' });
  writeFileSync(`${target}/${NOTICES_FILE}`, noticesOf(modulesOf(output), 'The dashboard'));
  const local = await build({ configFile: `${source}/vite.local.config.ts`, logLevel: 'warn' });
  writeFileSync(`${root}dist/apps/local-inspector/${MODULES_FILE}`, JSON.stringify(modulesOf(local.output)));
  for (const name of filesIn(`${target}/assets`)) compress(`${target}/assets/${name}`);
  writeFileSync(stamp, digest);
}

function filesIn(folder) {
  return readdirSync(folder, { recursive: true })
    .map(String)
    .filter((name) => statSync(join(folder, name)).isFile())
    .toSorted((a, b) => (a < b ? -1 : 1));
}

function compress(path) {
  if (!/\.(js|css|svg)$/.test(path)) return;
  const bytes = readFileSync(path);
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
  writeFileSync(`${path}.br`, brotliCompressSync(bytes, { params }));
  writeFileSync(`${path}.gz`, gzipSync(bytes, { level: constants.Z_BEST_COMPRESSION }));
}
