// What CI systems run: the GitHub Action, with the command `culvert`, and the component for GitLab.
import { chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { bundle, PROGRAM_OPTIONS } from './bundle.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const SOURCE = 'infra/ci/github';

/**
 * Makes the folder of the GitHub Action: what a repository that publishes it contains.
 * @param folder absolute path; its `dist` is replaced
 */
export async function makeGithubAction(folder) {
  mkdirSync(folder, { recursive: true });
  rmSync(`${folder}/dist`, { recursive: true, force: true });
  await bundle(`${folder}/dist`, {
    input: {
      main: `${SOURCE}/src/main.ts`,
      post: `${SOURCE}/src/post.ts`,
      'cli/src/main': 'apps/cli/src/main.ts',
    },
    ...PROGRAM_OPTIONS,
    sourcemap: false,
  });
  // Runners start main.js and post.js as they are; without this they would not be modules.
  writeFileSync(`${folder}/package.json`, `${JSON.stringify({ type: 'module', private: true }, null, 2)}\n`);
  writeFileSync(`${folder}/dist/culvert.mjs`, "#!/usr/bin/env node\nimport './cli/src/main.js';\n");
  chmodSync(`${folder}/dist/culvert.mjs`, 0o755);
  for (const file of ['action.yml', 'README.md'])
    copyFileSync(`${root}${SOURCE}/${file}`, `${folder}/${file}`);
  copyFileSync(`${root}LICENSE`, `${folder}/LICENSE`);
}
