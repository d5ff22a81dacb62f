// `node infra/ci/github/build.mjs FOLDER`: makes the folder of the GitHub Action, as a repository publishes it.
import { resolve } from 'node:path';
import { makeGithubAction } from '../../scripts/ci-packages.mjs';

const [, , folder, ...rest] = process.argv;
if (folder === undefined || rest.length > 0) {
  process.stderr.write('usage: node infra/ci/github/build.mjs FOLDER\n');
  process.exit(2);
}
await makeGithubAction(resolve(folder));
