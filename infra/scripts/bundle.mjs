// Bundles modules with Rolldown: programs (bundle-programs.mjs) and npm packages (pack.mjs).
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { modulesOfInspectorPage, withInspectorPage } from './inspector-page.mjs';
import { NOTICES_FILE, noticesOf } from './third-party-notices.mjs';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Finds TypeScript. The package @culvert/client exports what is published; this repository uses its source. */
export const RESOLVE_SOURCES = {
  alias: { '@culvert/client': `${root}libs/client/src/index.ts` },
  extensionAlias: { '.js': ['.ts', '.js'] },
};

/** Options of what starts on workstations and in pods. */
export const PROGRAM_OPTIONS = {
  // A program that uses a constant of libs/contract gets none of its schemas.
  treeshake: { moduleSideEffects: [{ test: /\/libs\/[^/]+\/src\//, sideEffects: false }] },
  // Few commands need schemas; every command needs this error, and nothing that it would share a chunk with.
  codeSplitting: {
    groups: [
      { name: 'zod', test: /node_modules\/zod\// },
      { name: 'client-error', test: /\/libs\/client\/src\/client-error/ },
    ],
  },
};

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

/** Options of a deployment's programs. `bundled` are packages that do not stay in node_modules here. */
export function serverOptions(bundled = []) {
  const outside = BESIDE_SERVERS.filter((name) => !bundled.includes(name));
  return {
    external: new RegExp(`^(${outside.join('|')})(/|$)`),
    // Nest reads the types of constructors.
    transform: { decorator: { legacy: true, emitDecoratorMetadata: true } },
  };
}

/**
 * Bundles one copy of a package that npm has installed several times in the same version, such as the table of media types,
 * which would be a tenth of all code.
 */
export function withoutCopies() {
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

/**
 * Writes the bundles of `input` below `dir`, a folder of the repository or an absolute path, the code that they share to
 * its `chunks`, and the licenses of the packages that they contain to its `THIRD_PARTY_NOTICES`.
 */
export async function bundle(dir, { input, codeSplitting, sourcemap = true, ...options }) {
  // Names of chunks contain content hashes, so old chunks would stay.
  rmSync(resolve(root, dir, 'chunks'), { recursive: true, force: true });
  const bundled = await rolldown({
    cwd: root,
    input,
    platform: 'node',
    tsconfig: false,
    plugins: [withoutCopies(), withInspectorPage()],
    resolve: RESOLVE_SOURCES,
    onLog: (level, { message }) => {
      throw new Error(`${dir}: ${level}: ${message}`);
    },
    ...options,
  });
  const { output } = await bundled.write({
    dir: resolve(root, dir),
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    codeSplitting,
    // Keeps names and lines, so that stacks stay readable.
    minify: false,
    comments: { legal: true, annotation: false, jsdoc: false },
    sourcemap,
  });
  await bundled.close();
  writeFileSync(join(resolve(root, dir), NOTICES_FILE), noticesOf(modulesOf(output), 'This program'));
}

/** Returns the ids of the modules that a bundler's output contains, those of pages within it included. */
export function modulesOf(output) {
  const ids = output.flatMap((part) => (part.type === 'chunk' ? part.moduleIds : []));
  return [...ids, ...modulesOfInspectorPage(ids)];
}
