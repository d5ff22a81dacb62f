// The whole program in one module, which waits for nothing while it is loaded: what an executable needs.
import { runProgram } from '../../apps/cli/src/program.ts';

void runProgram(async () => {
  const { start } = await import('../../apps/traffic-manager/src/start.ts');
  await start(process.argv.slice(2), process.env);
});
