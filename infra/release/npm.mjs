// The npm packages, made in a folder of their own: others may be packing those of the repository.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { makePackage } from '../scripts/npm-packages.mjs';

const PACKAGES = ['cli', 'client', 'server'];

/** Returns `culvert-<version>.tgz`, `culvert-client-<version>.tgz` and `culvert-server-<version>.tgz`, as npm uploads them. */
export async function npmFiles({ scratch }) {
  const files = {};
  for (const name of PACKAGES) {
    const folder = join(scratch, name);
    await makePackage(name, folder);
    const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', scratch];
    const env = { ...process.env, npm_config_cache: join(scratch, 'npm-cache') };
    const packed = JSON.parse(execFileSync('npm', args, { cwd: folder, encoding: 'utf8', env }));
    // npm 12 prints an object by name.
    const [{ filename }] = Array.isArray(packed) ? packed : Object.values(packed);
    files[filename] = readFileSync(join(scratch, filename));
  }
  return files;
}
