// Generates the types of the API for the dashboard and for libs/client from the OpenAPI document if the contract is newer
// than the last ones.
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
const targets = [`${root}apps/dashboard/src/generated`, `${root}libs/client/src/generated`];
const stampOf = (target) => `${target}/.contract-hash`;

const hash = createHash('sha256').update(readFileSync(`${root}package-lock.json`));
for (const folder of [contract, terms]) {
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.ts'))) {
    hash.update(name).update(readFileSync(join(folder, name)));
  }
}
const digest = hash.digest('hex');

const isOld = (target) => !existsSync(stampOf(target)) || readFileSync(stampOf(target), 'utf8') !== digest;

if (targets.some(isOld)) {
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
  const text = generator.astToString(types);
  for (const target of targets) {
    mkdirSync(target, { recursive: true });
    writeFileSync(`${target}/api.ts`, text);
    writeFileSync(stampOf(target), digest);
  }
}
