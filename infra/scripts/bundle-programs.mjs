// Bundles the programs: one file each, and chunks for what only some programs or commands need, in place of hundreds of
// modules that Node would find, read and compile one by one. tsc has checked them all, and wrote the modules to where the
// bundles go.
import { readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Apps that start on workstations and in pods. Their images hold nothing else (infra/docker/Dockerfile). */
const PROGRAMS = ['cli', 'traffic-agent', 'traffic-manager'];

/** Modules of a deployment's programs, which share chunks. */
const SERVERS = [
  'apps/api/src/main',
  'apps/edge/src/main',
  'apps/standalone/src/main',
  'apps/standalone/src/demo/main',
];

/** Packages that stay in node_modules: they look for files beside their own, or are optional and absent. */
const BESIDE_SERVERS = [
  '@culvert/sample-service',
  '@electric-sql/pglite',
  '@nestjs/microservices',
  '@nestjs/platform-socket.io',
  '@node-rs/argon2',
  '@prisma/schema-engine-wasm',
  'class-transformer',
  'class-validator',
  'pg-native',
  'swagger-ui-dist',
];

for (const name of PROGRAMS) {
  await bundle(`dist/apps/${name}`, {
    input: { 'src/main': `apps/${name}/src/main.ts` },
    // This package looks for a file beside its own.
    external: ['open'],
    // A program that uses a constant of libs/contract gets none of its schemas.
    treeshake: { moduleSideEffects: [{ test: /\/libs\/[^/]+\/src\//, sideEffects: false }] },
    // Few commands need schemas; every command needs this error, and nothing that it would share a chunk with.
    codeSplitting: {
      groups: [
        { name: 'zod', test: /node_modules\/zod\// },
        { name: 'client-error', test: /\/libs\/client\/src\/client-error/ },
      ],
    },
  });
}
await bundle('dist', {
  input: Object.fromEntries(SERVERS.map((name) => [name, `${name}.ts`])),
  external: new RegExp(`^(${BESIDE_SERVERS.join('|')})(/|$)`),
  // Nest reads the types of constructors.
  transform: { decorator: { legacy: true, emitDecoratorMetadata: true } },
});

/**
 * Bundles one copy of a package that npm has installed several times in the same version, such as the table of media types,
 * which would be a tenth of all code.
 */
function withoutCopies() {
  const folders = new Map();
  return {
    name: 'without-copies',
    async resolveId(source, importer, options) {
      if (importer === undefined || !/^[@a-z]/.test(source)) return null;
      const resolved = await this.resolve(source, importer, { ...options, skipSelf: true });
      const [, folder, path] =
        /^(.*\/node_modules\/(?:@[^/]+\/)?[^/]+)(\/.*)$/.exec(resolved?.id ?? '') ?? [];
      if (folder === undefined || resolved.external) return resolved;
      const { name, version } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
      const first = folders.get(`${name}@${version}`) ?? folder;
      folders.set(`${name}@${version}`, first);
      return { ...resolved, id: first + path };
    },
  };
}

async function bundle(dir, { input, codeSplitting, ...options }) {
  // Names of chunks contain content hashes, so old chunks would stay.
  rmSync(`${root}${dir}/chunks`, { recursive: true, force: true });
  const bundled = await rolldown({
    cwd: root,
    input,
    platform: 'node',
    tsconfig: false,
    plugins: [withoutCopies()],
    resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
    onLog: (level, { message }) => {
      throw new Error(`${dir}: ${level}: ${message}`);
    },
    ...options,
  });
  await bundled.write({
    dir: root + dir,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    codeSplitting,
    // Keeps names and lines, so that stacks stay readable.
    minify: false,
    comments: { legal: true, annotation: false, jsdoc: false },
    sourcemap: true,
  });
  await bundled.close();
}
