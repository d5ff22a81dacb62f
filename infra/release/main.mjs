// Makes what a release publishes, without a network: `npm run release [-- OPTIONS]`. The same commit,
// Node and npm make the same bytes. docs/releasing.md describes the files.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { chartFiles } from './chart.mjs';
import { checksumsOf } from './checksums.mjs';
import { ciFiles } from './ci.mjs';
import { nodeBinaries, readNodeLicense } from './executable.mjs';
import { imageFiles } from './images.mjs';
import { installerFiles, packageDownload } from './installers.mjs';
import { machineFiles } from './machine.mjs';
import { npmFiles } from './npm.mjs';
import { programFiles } from './programs.mjs';
import { sbomFiles } from './sbom.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const { values } = parseArgs({
  options: {
    out: { type: 'string', default: join(root, 'dist/release') },
    settings: { type: 'string', default: join(root, 'infra/release/settings.json') },
    'node-arm64': { type: 'string' },
    'node-license': { type: 'string' },
    'no-executables': { type: 'boolean', default: false },
    verify: { type: 'boolean', default: false },
  },
});

function git(...args) {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
}

/** Seconds since 1970: the time of every file in a release. */
function readEpoch() {
  const text = process.env.SOURCE_DATE_EPOCH ?? git('log', '-1', '--format=%ct');
  if (!/^\d{1,10}$/.test(text))
    throw new Error(`SOURCE_DATE_EPOCH: ${text} is not a time in seconds since 1970`);
  return Number(text);
}

/** Returns the version of the packages that are published, which must agree. */
function readVersion() {
  const manifests = [
    'package.json',
    'apps/cli/package.json',
    'infra/npm/server/package.json',
    'libs/client/package.json',
  ];
  const versions = manifests.map((path) => JSON.parse(readFileSync(join(root, path), 'utf8')).version);
  const [, constant] = /VERSION = '([^']+)'/.exec(
    readFileSync(join(root, 'libs/client/src/version.ts'), 'utf8'),
  );
  const different = versions.findIndex((version) => version !== constant);
  if (different !== -1)
    throw new Error(
      `${manifests[different]}: its version ${versions[different]} is not ${constant}, that of libs/client/src/version.ts`,
    );
  return constant;
}

/** Reads what the release is made of. Throws if anything is wrong, before anything is made. */
function readRelease() {
  const nodes = values['no-executables'] ? {} : nodeBinaries({ arm64: values['node-arm64'] });
  return {
    root,
    version: readVersion(),
    epoch: readEpoch(),
    settings: JSON.parse(readFileSync(values.settings, 'utf8')),
    nodes,
    nodeLicense: Object.keys(nodes).length === 0 ? '' : readNodeLicense(values['node-license']),
  };
}

/** Returns all files of the release by name. */
async function makeFiles(release) {
  const cache = join(root, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const scratch = mkdtempSync(join(cache, 'culvert-release-'));
  try {
    const packages = await npmFiles({ ...release, scratch });
    const download = packageDownload({ ...release, files: packages });
    const files = {
      ...packages,
      ...(await programFiles({ ...release, scratch })),
      ...(await imageFiles(release)),
      ...(await chartFiles(release)),
      ...(await ciFiles({ ...release, scratch, download })),
      ...(await machineFiles(release)),
      ...sbomFiles(release),
    };
    const all = { ...files, ...installerFiles({ ...release, files }) };
    return { ...all, 'checksums.txt': checksumsOf(all) };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Throws if a folder holds anything but an earlier release. */
function checkFolder(path) {
  mkdirSync(path, { recursive: true });
  const names = readdirSync(path);
  if (names.length > 0 && !names.includes('checksums.txt'))
    throw new Error(`${path} holds other files: name an empty folder, or one of an earlier release`);
}

try {
  const out = resolve(values.out);
  checkFolder(out);
  const release = readRelease();
  if (git('status', '--porcelain') !== '')
    process.stderr.write('release: the tree has changes that are not committed, and they are included\n');
  const files = await makeFiles(release);
  if (values.verify && (await makeFiles(release))['checksums.txt'] !== files['checksums.txt'])
    throw new Error('two runs made different files');
  for (const name of readdirSync(out)) rmSync(join(out, name), { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(out, name), content);
  process.stdout.write(files['checksums.txt']);
} catch (error) {
  process.stderr.write(`release: ${error.message}\n`);
  process.exitCode = 1;
}
