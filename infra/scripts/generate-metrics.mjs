// Writes docs/metrics.md from the catalog of metrics, if one of them has changed. The context of the images has no docs.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const sources = `${root}libs/metrics/src`;
const page = `${root}docs/metrics.md`;
const stamp = `${root}node_modules/.cache/culvert-metrics-hash`;

const digest = () => {
  const hash = createHash('sha256');
  const catalog = readdirSync(`${sources}/catalog`).map((name) => `${sources}/catalog/${name}`);
  for (const file of [...catalog, `${sources}/reference.ts`, page])
    hash.update(file).update(existsSync(file) ? readFileSync(file) : '');
  return hash.digest('hex');
};

if (existsSync(dirname(page)) && (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== digest())) {
  const { runnerImport } = await import('vite');
  const { module } = await runnerImport(`${sources}/reference.ts`, {
    root,
    configFile: false,
    logLevel: 'error',
  });
  writeFileSync(page, module.metricsReference());
  mkdirSync(dirname(stamp), { recursive: true });
  writeFileSync(stamp, digest());
}
