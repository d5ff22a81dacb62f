// What installs `culvert` from the downloads of a release: a script, a Homebrew formula and a Scoop manifest.
import { readFileSync } from 'node:fs';
import { sha256 } from './checksums.mjs';

const DESCRIPTION = 'Preview URLs for services on your machine and in your clusters';

/**
 * Returns the address and the SHA-256 of the npm package of `culvert` in the downloads of the release.
 * @param files files of the release, with the package
 */
export function packageDownload({ version, settings, files }) {
  const tarball = `culvert-${version}.tgz`;
  return { url: `${settings.downloads}/v${version}/${tarball}`, hash: sha256(files[tarball]) };
}

/**
 * Returns `install.sh`, `culvert.rb` and `culvert.json`.
 * @param files the other files of the release, whose checksums they name
 */
export function installerFiles({ version, settings, files }) {
  const download = packageDownload({ version, settings, files });
  return {
    'install.sh': readFileSync(new URL('install.sh', import.meta.url), 'utf8')
      .replaceAll('@VERSION@', version)
      .replaceAll('@DOWNLOADS@', settings.downloads),
    'culvert.rb': homebrewFormula({ settings, download }),
    'culvert.json': scoopManifest({ version, settings, download }),
  };
}

/** Homebrew has Node on every platform, so its formula installs the npm package. */
function homebrewFormula({ settings, download }) {
  return `class Culvert < Formula
  desc "${DESCRIPTION}"
  homepage "${settings.homepage}"
  url "${download.url}"
  sha256 "${download.hash}"
  license "Apache-2.0"

  depends_on "node"

  def install
    system "npm", "install", *std_npm_args
    bin.install_symlink Dir["#{libexec}/bin/*"]
    generate_completions_from_executable(bin/"culvert", "completion", shells: [:bash, :zsh, :fish])
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/culvert --version")
  end
end
`;
}

/** The npm package has no dependencies, so unpacking it is enough. */
function scoopManifest({ version, settings, download }) {
  const manifest = {
    version,
    description: DESCRIPTION,
    homepage: settings.homepage,
    license: 'Apache-2.0',
    depends: 'nodejs-lts',
    url: download.url,
    hash: download.hash,
    extract_dir: 'package',
    pre_install: String.raw`Set-Content -Path "$dir\culvert.cmd" -Value '@node "%~dp0npm\culvert.mjs" %*' -Encoding ascii`,
    bin: 'culvert.cmd',
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
