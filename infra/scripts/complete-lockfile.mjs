// Adds the missing optional packages for other platforms to package-lock.json. `npm install` leaves them out if its registry
// does not carry them, and `npm ci` then refuses the lock file on every platform. Then asks the registry for the integrity
// of every package that lacks it.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const path = fileURLToPath(new URL('../../package-lock.json', import.meta.url));
const lock = JSON.parse(readFileSync(path, 'utf8'));
const before = Object.keys(lock.packages).length;

for (const [parent, { optionalDependencies = {}, dev }] of Object.entries(lock.packages)) {
  for (const [name, version] of Object.entries(optionalDependencies)) {
    if (isLocked(parent, name)) continue;
    const platform =
      /(android|darwin|freebsd|linux|openharmony|win32)-(arm64|arm|ia32|ppc64|riscv64|s390x|x64)/.exec(name);
    if (!platform || !/^\d/.test(version))
      throw new Error(`cannot determine the platform or version of ${name}@${version}`);
    const [, os, cpu] = platform;
    lock.packages[`node_modules/${name}`] = {
      version,
      cpu: [cpu],
      ...(dev && { dev }),
      optional: true,
      os: [os],
    };
  }
}

for (const [folder, locked] of Object.entries(lock.packages)) {
  if (!folder.includes('node_modules/') || locked.link || locked.integrity) continue;
  const name = folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const { version, ...rest } = locked;
  const asked = ['view', `${name}@${version}`, 'dist.integrity'];
  const integrity = execFileSync('npm', asked, { encoding: 'utf8' }).trim();
  if (!integrity.startsWith('sha512-'))
    throw new Error(`the registry has no integrity for ${name}@${version}`);
  lock.packages[folder] = { version, integrity, ...rest };
}

// The places where npm would look: beside the parent, then in every node_modules above it.
function isLocked(parent, name) {
  for (let folder = parent; ; folder = folder.slice(0, Math.max(folder.lastIndexOf('/node_modules/'), 0))) {
    if (`${folder}${folder && '/'}node_modules/${name}` in lock.packages) return true;
    if (folder === '') return false;
  }
}

const sorted = Object.entries(lock.packages).toSorted(([a], [b]) => a.localeCompare(b, 'en'));
lock.packages = Object.fromEntries(sorted);
writeFileSync(path, `${JSON.stringify(lock, null, 2)}\n`);
process.stderr.write(`added ${sorted.length - before} optional packages\n`);
