// What CI systems use, as archives to unpack into the repositories that publish them.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { makeGithubAction } from '../scripts/ci-packages.mjs';
import { copiedEntry, fileEntry, tarball } from './archive.mjs';

/**
 * Returns `culvert-github-action-<version>.tar.gz` and `culvert-gitlab-component-<version>.tar.gz`.
 * @param download `url` and `hash` of the npm package that jobs of the component install
 */
export async function ciFiles({ root, scratch, version, epoch, download }) {
  const action = join(scratch, 'github-action');
  await makeGithubAction(action);
  const component = join(root, 'infra/ci/gitlab');
  const template = fillInputs(readFileSync(join(component, 'templates/preview.yml'), 'utf8'), {
    'package-url': download.url,
    'package-sha256': download.hash,
  });
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

/** Returns the component with these defaults of its inputs. Throws if it has no such input. */
function fillInputs(text, values) {
  return Object.entries(values).reduce((filled, [name, value]) => {
    const input = new RegExp(`(\n    ${name}:\n      description: [^\n]+\n      default: )''`);
    if (!input.test(filled)) throw new Error(`preview.yml: there is no empty input ${name} to fill in`);
    return filled.replace(input, `$1'${value}'`);
  }, text);
}
