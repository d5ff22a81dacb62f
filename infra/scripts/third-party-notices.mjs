// THIRD_PARTY_NOTICES: the licenses of the packages whose code a bundle contains. Bundlers report the modules that remain
// after they removed unused ones, so the file names what is really there.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Name of the file, which lies beside each bundle. */
export const NOTICES_FILE = 'THIRD_PARTY_NOTICES';

/** Licenses (SPDX) that only require their text to go with copies. */
const ALLOWED = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'ISC',
  'MIT',
  'MIT-0',
  'Unlicense',
]);

/** Licenses that a package states in its README only. */
const STATED_ELSEWHERE = { 'pause@0.0.1': 'MIT' };

/** License texts, from their repositories, of packages that leave them out: one file each. */
const ADDED_TEXTS = join(root, 'infra/scripts/licenses');

/** Packages of the code that bundlers add, by how the names of its modules begin. */
const HELPERS = [
  [/^\0(rolldown|@oxc-project)/, 'rolldown'],
  [/^\0vite\//, 'vite'],
];

const LICENSE_FILE = /^(licen[cs]e|copying|notice)/i;
/** The line between the licenses. */
export const RULE = '-'.repeat(80);

/**
 * Returns the text of THIRD_PARTY_NOTICES, which depends only on the packages.
 * @param modules ids of modules, as the bundler reports them
 * @param name of the program or page that contains them, as its readers know it
 * @throws Error if a package has no license text, a license that is not allowed, or a module is of unknown origin
 */
export function noticesOf(modules, name) {
  const packages = [...packageFolders(modules)]
    .map(readPackage)
    .toSorted((a, b) => (a.title < b.title ? -1 : 1));
  if (packages.length === 0) return `${name} contains no code of other packages.\n`;
  // Packages with the same text share it.
  const titles = new Map();
  for (const { title, license, text } of packages)
    titles.set(text, (titles.get(text) ?? new Set()).add(`${title} (${license})`));
  const parts = [...titles].map(([text, sharing]) => `${RULE}\n${[...sharing].join('\n')}\n\n${text}\n`);
  return [`${name} contains code of these packages.\n`, ...parts].join('\n');
}

/** Returns the folders of the packages that modules belong to. Those of this repository are not third parties. */
function packageFolders(modules) {
  const folders = new Set();
  for (const module of modules) {
    const helper = HELPERS.find(([pattern]) => pattern.test(module));
    const path = module.replace(/^\0/, '').replace(/\?.*$/, '');
    const [, folder] = /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(path) ?? [];
    if (helper !== undefined) folders.add(join(root, 'node_modules', helper[1]));
    else if (folder !== undefined) folders.add(folder);
    else if (!path.startsWith(root)) throw new Error(`${module} belongs to no known package`);
  }
  return folders;
}

function readPackage(folder) {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const title = `${manifest.name} ${manifest.version}`;
  const license =
    manifest.license ??
    manifest.licenses?.[0]?.type ??
    STATED_ELSEWHERE[`${manifest.name}@${manifest.version}`];
  if (!isAllowed(license)) throw new Error(`${title}: the license ${license} is not allowed in a bundle`);
  const text = licenseText(folder) || addedText(manifest.name);
  if (text === '') throw new Error(`${title}: the package has no license text`);
  return { title, license, text };
}

/** Reports whether an SPDX expression leaves a choice of allowed licenses. */
function isAllowed(license = '') {
  const choices = license.replace(/^\((.*)\)$/, '$1').split(' OR ');
  return choices.some((choice) => choice.split(' AND ').every((one) => ALLOWED.has(one)));
}

function licenseText(folder) {
  const names = readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => entry.name)
    .toSorted();
  const read = (name) => readFileSync(join(folder, name), 'utf8').replaceAll('\r\n', '\n').trim();
  const texts = names.filter((name) => LICENSE_FILE.test(name)).map(read);
  // What a tool bundles for itself is not in what it makes.
  if (texts.length > 0)
    return texts
      .join('\n\n')
      .split(/^#+ Licenses of bundled dependencies$/m)[0]
      .trim();
  const readme = names.find((name) => /^readme(\.|$)/i.test(name));
  const [, section = ''] =
    /^#+ *licen[cs]e *$(.*?)(?=^#+ |(?![^]))/ims.exec(readme === undefined ? '' : read(readme)) ?? [];
  return /permission is hereby granted/i.test(section) ? section.trim() : '';
}

function addedText(name) {
  const path = join(ADDED_TEXTS, `${name}.txt`);
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : '';
}
