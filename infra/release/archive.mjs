// Archives whose bytes depend on their content alone: entries in order, one time for all, and no user of this machine.
import { readFileSync, statSync } from 'node:fs';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { packTar } from 'modern-tar';

const PROGRAM = 0o755;
const FILE = 0o644;

/** Returns the entry of a file: its path in the archive and its content. */
export function fileEntry(name, content, { isProgram = false } = {}) {
  return { name, content: Buffer.from(content), mode: isProgram ? PROGRAM : FILE };
}

/** Returns the entry of a file on disk, a program if its owner may execute it. */
export function copiedEntry(name, path) {
  const isProgram = (statSync(path).mode & 0o100) !== 0;
  return fileEntry(name, readFileSync(path), { isProgram });
}

/** Returns a gzipped tar archive of entries and of the folders that they need, all owned by root. */
export async function tarball(entries, { epoch, prefix = '' }) {
  const owner = { uid: 0, gid: 0, uname: 'root', gname: 'root', mtime: new Date(epoch * 1000) };
  const folders = foldersOf(entries.map(({ name }) => name)).map((name) => ({
    header: { ...owner, name: `${prefix}${name}/`, type: 'directory', size: 0, mode: PROGRAM },
  }));
  const files = entries.map(({ name, content, mode }) => ({
    header: { ...owner, name: prefix + name, size: content.length, mode },
    body: content,
  }));
  const sorted = [...folders, ...files].toSorted((a, b) => (a.header.name < b.header.name ? -1 : 1));
  return gzipped(await packTar(sorted));
}

/** Compresses without the time and the name that gzip can store. */
export const gzipped = promisify(gzip);

function foldersOf(names) {
  const folders = new Set();
  for (const name of names) {
    const parts = name.split('/').slice(0, -1);
    for (const index of parts.keys()) folders.add(parts.slice(0, index + 1).join('/'));
  }
  return [...folders];
}
