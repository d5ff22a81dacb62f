import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { extname } from 'node:path';
import type { Exchange } from './exchange.js';

interface Asset {
  readonly type: string;
  readonly etag: string;
  readonly body: Buffer;
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
};

// The build copies the folder beside the compiled file too.
const folder = new URL('./public/', import.meta.url);
const assets = new Map(
  readdirSync(folder).map((file) => [file, toAsset(file, readFileSync(new URL(file, folder)))]),
);

/** Answers with a file of `public/`; false if no file has that name. */
export function serveAsset({ request, response, params, identity }: Exchange): boolean {
  const [file] = params;
  const asset =
    file === 'theme.css'
      ? toAsset(file, Buffer.from(`:root { --accent: ${identity.color}; }\n`))
      : assets.get(file);
  if (!asset) return false;

  // Revalidated each time, so that a visit shows whether 304 responses pass, and a new build is seen at once.
  const headers = { 'cache-control': 'no-cache', etag: asset.etag };
  if (request.headers['if-none-match'] === asset.etag) {
    response.writeHead(304, headers).end();
  } else {
    response.writeHead(200, { ...headers, 'content-type': asset.type, 'content-length': asset.body.length });
    response.end(asset.body);
  }
  return true;
}

function toAsset(file: string, body: Buffer): Asset {
  const digest = createHash('sha256').update(body).digest('base64url');
  return { type: TYPES[extname(file)] ?? 'application/octet-stream', etag: `"${digest}"`, body };
}
