import { createHash } from 'node:crypto';

/** Returns the SHA-256 of bytes or text in hexadecimal. */
export function sha256(content) {
  return createHash('sha256').update(content).digest('hex');
}

/** Returns the text that `sha256sum --check` reads, by name. */
export function checksumsOf(files) {
  return Object.keys(files)
    .toSorted()
    .map((name) => `${sha256(files[name])}  ${name}\n`)
    .join('');
}
