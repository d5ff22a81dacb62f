// Bundles the programs that start on workstations and in pods: each is a file, and chunks for what only some of its commands
// need, in place of hundreds of modules that Node would find, read and compile one by one.
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Of apps/. Their images hold nothing else (infra/docker/Dockerfile). */
const PROGRAMS = ['cli', 'traffic-agent', 'traffic-manager'];

for (const name of PROGRAMS) await bundle(name);

async function bundle(name) {
  const dir = `${root}dist/apps/${name}`;
  // Names of chunks have hashes of what is in them.
  rmSync(`${dir}/chunks`, { recursive: true, force: true });
  const bundled = await rolldown({
    cwd: root,
    // tsc has checked it, and has put the module by itself where the bundle goes.
    input: { main: `${root}apps/${name}/src/main.ts` },
    platform: 'node',
    tsconfig: false,
    // It looks for a file beside its own.
    external: ['open'],
    resolve: { extensionAlias: { '.js': ['.ts', '.js'] } },
    // Whoever takes a constant of libs/contract takes none of its schemas.
    treeshake: { moduleSideEffects: [{ test: /\/libs\/[^/]+\/src\//, sideEffects: false }] },
    onLog: (level, { message }) => {
      throw new Error(`${name}: ${level}: ${message}`);
    },
  });
  await bundled.write({
    dir,
    format: 'esm',
    entryFileNames: 'src/[name].js',
    chunkFileNames: 'chunks/[name]-[hash].js',
    codeSplitting: { groups: [{ name: 'zod', test: /node_modules\/zod\// }] },
    // Names stay, and lines: a stack says where.
    minify: false,
    comments: { legal: true, annotation: false, jsdoc: false },
    sourcemap: true,
  });
  await bundled.close();
}
