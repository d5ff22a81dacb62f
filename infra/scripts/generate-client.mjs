// Generates the types of the dashboard's API client from the OpenAPI document if the contract is newer than the last ones.
// The contract package itself creates the document: no server runs, and nothing has to be compiled before.
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('../../', import.meta.url));
const contract = `${root}libs/contract/src`;
// The closed sets of the contract's enumerations.
const terms = `${root}libs/terms/src`;
const target = `${root}apps/dashboard/src/generated`;
const stamp = `${target}/.contract-hash`;

const hash = createHash('sha256').update(readFileSync(`${root}package-lock.json`));
for (const folder of [contract, terms]) {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.ts'))) {
    hash.update(name).update(readFileSync(join(folder, name)));
  }
}
const digest = hash.digest('hex');

if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== digest) {
  const { runnerImport } = await import('vite');
  const { module } = await runnerImport(`${contract}/openapi.ts`, {
    root,
    configFile: false,
    logLevel: 'warn',
  });
  // The generator needs the compiler API of an older TypeScript, which is installed in the dashboard's folder.
  const fromDashboard = createRequire(`${root}apps/dashboard/package.json`);
  const folder = dirname(fromDashboard.resolve('openapi-typescript/package.json'));
  const generator = await import(pathToFileURL(join(folder, 'dist/index.mjs')).href);
  const types = await generator.default(module.buildOpenApiDocument(), {
    alphabetize: true,
    // Fields with a default may be left out of a request.
    defaultNonNullable: false,
  });
  mkdirSync(target, { recursive: true });
  writeFileSync(`${target}/api.ts`, generator.astToString(types));
  writeFileSync(stamp, digest);
}
