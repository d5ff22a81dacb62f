// What builds the images: one context for all of them, and the list of targets with their tags.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { copiedEntry, tarball } from './archive.mjs';

const DOCKERFILE = 'infra/docker/Dockerfile';

/** Returns `culvert-<version>-images.tar.gz`, whose only folder is the context, and `images.json`. */
export async function imageFiles({ root, version, epoch, settings }) {
  const paths = new Set([...contextFiles(root), '.dockerignore', DOCKERFILE]);
  const folder = `culvert-${version}`;
  const entries = [...paths].map((path) => copiedEntry(`${folder}/${path}`, join(root, path)));
  const context = `culvert-${version}-images.tar.gz`;
  return {
    [context]: await tarball(entries, { epoch }),
    'images.json': `${JSON.stringify({ context, folder, dockerfile: DOCKERFILE, images: imagesOf(root, version, settings) }, null, 2)}\n`,
  };
}

function imagesOf(root, version, { imageRegistry }) {
  const text = readFileSync(join(root, DOCKERFILE), 'utf8');
  const stages = [...text.matchAll(/^FROM (\S+) AS (\S+)$/gm)].map(([, from, name]) => ({ from, name }));
  // Stages that no other one builds on.
  const used = new Set(stages.map(({ from }) => from));
  const copied = new Set([...text.matchAll(/--from=(\S+)/g)].map(([, name]) => name));
  return stages
    .filter(({ name }) => !used.has(name) && !copied.has(name))
    .map(({ name }) => ({
      target: name,
      tags: tagsOf(version).map((tag) => `${imageRegistry}/${name}:${tag}`),
    }));
}

/** A pre-release, such as 1.0.0-rc.1, moves no tag that people follow. */
function tagsOf(version) {
  if (version.includes('-')) return [version];
  return [version, version.split('.').slice(0, 2).join('.'), 'latest'];
}

/** Files of this repository that .dockerignore includes, by the rules of Docker: the last matching line decides. */
export function contextFiles(root) {
  const rules = readFileSync(join(root, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ isIncluded: line.startsWith('!'), pattern: patternOf(line.replace(/^!/, '')) }));
  const listing = ['ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const options = { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 };
  return execFileSync('git', listing, options)
    .split('\0')
    .filter((path) => path !== '' && existsSync(join(root, path)))
    .filter((path) => rules.findLast(({ pattern }) => pattern.test(path))?.isIncluded ?? true);
}

/** A pattern also matches everything below what it names. */
function patternOf(line) {
  const escaped = line.replaceAll(/[.+^${}()|[\]\\]/g, String.raw`\$&`);
  const source = escaped
    .replaceAll('**/', '\u0000')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]')
    .replaceAll('\u0000', '(?:.*/)?');
  return new RegExp(`^${source}(?:/.*)?$`);
}
