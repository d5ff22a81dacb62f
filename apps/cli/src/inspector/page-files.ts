/**
 * The files of the inspector's page, which Vite builds from apps/dashboard (`local.html`). Bundles of `culvert` contain them:
 * infra/scripts/inspector-page.mjs replaces this module, so that what follows runs from sources alone.
 */
import { readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

export interface PageFiles {
  /** `{{nonce}}` stands for that of the response. */
  readonly html: string;
  /** Compressed with gzip. */
  readonly script: Buffer;
  readonly style: Buffer;
}

function read(name: string): Buffer {
  return readFileSync(new URL(`../../../../dist/apps/local-inspector/${name}`, import.meta.url));
}

export function pageFiles(): PageFiles {
  return {
    html: read('local.html').toString(),
    script: gzipSync(read('inspector.js')),
    style: gzipSync(read('inspector.css')),
  };
}
