// What CI systems use, as archives to unpack into the repositories that publish them.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { makeGithubAction } from '../scripts/ci-packages.mjs';
import { copiedEntry, fileEntry, tarball } from './archive.mjs';

/** Returns `culvert-github-action-<version>.tar.gz` and `culvert-gitlab-component-<version>.tar.gz`. */
export async function ciFiles({ root, scratch, version, epoch }) {
  const action = join(scratch, 'github-action');
  await makeGithubAction(action);
  const component = join(root, 'infra/ci/gitlab');
  // A release installs its own version.
  const template = readFileSync(join(component, 'templates/preview.yml'), 'utf8').replace(
    /(Version of culvert that the jobs install from npm\n\s+default: )'[^']*'/,
    `$1'${version}'`,
  );
  return {
    [`culvert-github-action-${version}.tar.gz`]: await tarball(entriesBelow(action), { epoch }),
    [`culvert-gitlab-component-${version}.tar.gz`]: await tarball(
      [
        fileEntry('templates/preview.yml', template),
        copiedEntry('README.md', join(component, 'README.md')),
        copiedEntry('LICENSE', join(root, 'LICENSE')),
      ],
      { epoch },
    ),
  };
}

function entriesBelow(folder) {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => statSync(join(folder, name)).isFile())
    .map((name) => copiedEntry(name, join(folder, name)));
}
