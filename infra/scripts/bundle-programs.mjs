// Bundles the programs: one file each, and chunks for what only some programs or commands need, in place of hundreds of
// modules that Node would find, read and compile one by one. tsc has checked them all, and wrote the modules to where the
// bundles go.
import { bundle, PROGRAM_OPTIONS, serverOptions } from './bundle.mjs';

/** Apps that start on workstations and in pods. Their images hold nothing else (infra/docker/Dockerfile). */
const PROGRAMS = ['cli', 'traffic-agent', 'traffic-manager'];

/** Modules of a deployment's programs, which share chunks. */
const SERVERS = [
  'apps/admin/src/main',
  'apps/api/src/main',
  'apps/edge/src/main',
  'apps/standalone/src/main',
  'apps/standalone/src/demo/main',
];

for (const name of PROGRAMS) {
  await bundle(`dist/apps/${name}`, {
    input: { 'src/main': `apps/${name}/src/main.ts` },
    // This package looks for a file beside its own.
    external: ['open'],
    ...PROGRAM_OPTIONS,
  });
}
await bundle('dist', {
  input: Object.fromEntries(SERVERS.map((name) => [name, `${name}.ts`])),
  ...serverOptions(),
});
