// What people install of `culvert`: an executable for each platform, with its manual page and its completions.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileEntry, tarball } from './archive.mjs';
import { debianFile } from './debian.mjs';
import { makeExecutable } from './executable.mjs';
import { NOTICES_FILE, RULE } from '../scripts/third-party-notices.mjs';

const SHELLS = ['bash', 'fish', 'zsh'];

/**
 * Returns `culvert-<version>-<platform>.tar.gz` and a Debian package for each platform.
 * @param nodes paths of Node binaries by platform
 * @param nodeLicense license of those binaries
 * @param scratch a folder where npmFiles() has made the npm package
 */
export async function programFiles({ root, version, epoch, settings, scratch, nodes, nodeLicense }) {
  const files = {};
  const onEach = besideProgram(root, join(scratch, 'cli/npm'));
  for (const [platform, node] of Object.entries(nodes)) {
    const { program, notices } = await makeExecutable({ root, scratch, node, platform });
    const beside = { ...onEach, [NOTICES_FILE]: `${notices}\n${RULE}\n${nodeLicense}\n` };
    const name = `culvert-${version}-${platform}`;
    const entries = [fileEntry(`${name}/culvert`, program, { isProgram: true })];
    for (const [path, content] of Object.entries(beside)) entries.push(fileEntry(`${name}/${path}`, content));
    const [archive, debian] = await Promise.all([
      tarball(entries, { epoch }),
      debianFile({ version, epoch, settings, platform, program, beside }),
    ]);
    Object.assign(files, { [`${name}.tar.gz`]: archive }, debian);
  }
  return files;
}

/** Returns by path what is the same on every platform. */
function besideProgram(root, npmFolder) {
  const run = (...args) => execFileSync(process.execPath, [join(npmFolder, 'culvert.mjs'), ...args]);
  return {
    LICENSE: readFileSync(join(root, 'LICENSE')),
    'culvert.1': readFileSync(join(npmFolder, 'culvert.1')),
    ...Object.fromEntries(SHELLS.map((shell) => [`completions/culvert.${shell}`, run('completion', shell)])),
  };
}
