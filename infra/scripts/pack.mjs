// Makes the files of an npm package in its folder, before `npm pack` and `npm publish` collect them:
// `node infra/scripts/pack.mjs cli|client|server [FOLDER]`. FOLDER is another one to make it in, below the repository.
import { resolve } from 'node:path';
import { makePackage, PACKAGE_NAMES } from './npm-packages.mjs';

const [, , name, folder] = process.argv;
if (!PACKAGE_NAMES.includes(name)) {
  process.stderr.write(`usage: node infra/scripts/pack.mjs ${PACKAGE_NAMES.join('|')} [FOLDER]\n`);
  process.exit(2);
}
await makePackage(name, folder === undefined ? undefined : resolve(folder));
