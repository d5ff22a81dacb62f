// Debian packages, made without Debian's tools so that every system makes the same bytes.
import { createHash } from 'node:crypto';
import { NOTICES_FILE } from '../scripts/third-party-notices.mjs';
import { fileEntry, gzipped, tarball } from './archive.mjs';

const ARCHITECTURES = { 'linux-x64': 'amd64', 'linux-arm64': 'arm64' };

/** What the binaries of nodejs.org are linked with. */
const DEPENDS = 'libc6 (>= 2.28), libgcc-s1, libstdc++6';
const AR_MAGIC = '!<arch>\n';

/**
 * Returns `culvert_<version>_<architecture>.deb`.
 * @param program bytes of the executable
 * @param beside content of the files beside it by path, of programs.mjs
 */
export async function debianFile({ version, epoch, settings, platform, program, beside }) {
  const architecture = ARCHITECTURES[platform];
  // 1.0.0~rc.1 comes before 1.0.0.
  const debianVersion = version.replace('-', '~');
  const entries = [
    fileEntry('usr/bin/culvert', program, { isProgram: true }),
    fileEntry('usr/share/man/man1/culvert.1.gz', await gzipped(beside['culvert.1'])),
    fileEntry('usr/share/doc/culvert/copyright', beside.LICENSE),
    fileEntry(`usr/share/doc/culvert/${NOTICES_FILE}`, beside[NOTICES_FILE]),
    fileEntry('usr/share/bash-completion/completions/culvert', beside['completions/culvert.bash']),
    fileEntry('usr/share/fish/vendor_completions.d/culvert.fish', beside['completions/culvert.fish']),
    fileEntry('usr/share/zsh/vendor-completions/_culvert', beside['completions/culvert.zsh']),
  ];
  const control = [
    fileEntry('control', controlFile({ debianVersion, architecture, settings, entries })),
    fileEntry('md5sums', entries.map(({ name, content }) => `${md5(content)}  ${name}\n`).join('')),
  ];
  const members = {
    'debian-binary': Buffer.from('2.0\n'),
    'control.tar.gz': await tarball(control, { epoch, prefix: './' }),
    'data.tar.gz': await tarball(entries, { epoch, prefix: './' }),
  };
  return { [`culvert_${debianVersion}_${architecture}.deb`]: arArchive(members, epoch) };
}

function controlFile({ debianVersion, architecture, settings, entries }) {
  const kib = Math.ceil(entries.reduce((sum, { content }) => sum + content.length, 0) / 1024);
  return `Package: culvert
Version: ${debianVersion}
Architecture: ${architecture}
Maintainer: ${settings.maintainer}
Installed-Size: ${kib}
Depends: ${DEPENDS}
Section: net
Priority: optional
Homepage: ${settings.homepage}
Description: preview URLs for services on your machine and in your clusters
 culvert exposes a local port through a Culvert deployment, intercepts requests
 of workloads in clusters, and manages previews, teams and keys.
`;
}

/** The archive format of Debian packages: each member behind a header of 60 characters, at an even offset. */
function arArchive(members, epoch) {
  const parts = [Buffer.from(AR_MAGIC)];
  for (const [name, content] of Object.entries(members)) {
    const fields = [
      name.padEnd(16),
      String(epoch).padEnd(12),
      '0'.padEnd(6),
      '0'.padEnd(6),
      '100644'.padEnd(8),
    ];
    parts.push(Buffer.from(`${fields.join('')}${String(content.length).padEnd(10)}\u0060\n`), content);
    if (content.length % 2 === 1) parts.push(Buffer.from('\n'));
  }
  return Buffer.concat(parts);
}

function md5(content) {
  return createHash('md5').update(content).digest('hex');
}
