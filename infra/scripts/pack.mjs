// Makes the files of an npm package in its folder, before `npm pack` and `npm publish` collect them:
// `node infra/scripts/pack.mjs cli|client`.
import { makePackage, PACKAGE_NAMES } from './npm-packages.mjs';

const [, , name] = process.argv;
if (!PACKAGE_NAMES.includes(name)) {
  process.stderr.write(`usage: node infra/scripts/pack.mjs ${PACKAGE_NAMES.join('|')}\n`);
  process.exit(2);
}
await makePackage(name);
