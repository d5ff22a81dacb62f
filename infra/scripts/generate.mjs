// Generates what is not written by hand: the types of the dashboard's client, docs/metrics.md, and the Prisma client if the schema
// is newer than the last generated one.
// PRISMA_SCHEMA_ENGINE_BINARY keeps the CLI from fetching an engine that `generate` does not use.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import './generate-client.mjs';
import './generate-metrics.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));
const target = `${root}libs/store/src/generated`;
const stamp = `${target}/.schema-hash`;
const hash = createHash('sha256')
  .update(readFileSync(`${root}prisma/schema.prisma`))
  .update(readFileSync(`${root}package-lock.json`))
  .digest('hex');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== hash) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [`${root}node_modules/prisma/build/index.js`, 'generate', '--schema', `${root}prisma/schema.prisma`],
    {
      cwd: root,
      encoding: 'utf8',
      env: {
        ...process.env,
        PRISMA_SCHEMA_ENGINE_BINARY: '/bin/true',
        PRISMA_HIDE_UPDATE_MESSAGE: '1',
        CHECKPOINT_DISABLE: '1',
      },
    },
  );
  if (status !== 0) {
    process.stderr.write(stdout + stderr);
    process.exit(status ?? 1);
  }
  writeFileSync(stamp, hash);
}
