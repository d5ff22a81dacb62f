// What an installation on one machine needs beside images and programs: the files for Docker Compose and for systemd.
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileEntry, tarball } from './archive.mjs';

/** Returns `culvert-<version>-machine.tar.gz`, whose settings name the images of this release. */
export async function machineFiles({ root, version, epoch, settings }) {
  const folder = `culvert-${version}-machine`;
  const entries = ['compose', 'systemd'].flatMap((name) =>
    readdirSync(join(root, 'infra', name))
      // What a trial in this folder made is not part of it.
      .filter((file) => statSync(join(root, 'infra', name, file)).isFile() && file !== '.env')
      .map((file) =>
        fileEntry(
          `${folder}/${name}/${file}`,
          contentOf(join(root, 'infra', name, file), { version, settings }),
          { isProgram: file.endsWith('.sh') },
        ),
      ),
  );
  return { [`${folder}.tar.gz`]: await tarball(entries, { epoch }) };
}

function contentOf(path, { version, settings: { imageRegistry } }) {
  const text = readFileSync(path, 'utf8');
  if (!path.endsWith('/env.example')) return text;
  return text
    .replace(/^CULVERT_REGISTRY=.*$/m, `CULVERT_REGISTRY=${imageRegistry}`)
    .replace(/^CULVERT_VERSION=.*$/m, `CULVERT_VERSION=${version}`);
}
