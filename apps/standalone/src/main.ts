import { exitOnArguments, failToStart, printResults, stopOnSignal } from '@culvert/runtime';
import { VERSION } from '@culvert/edge';
import { resultsOf } from './results.js';
import { startStandalone } from './standalone.js';

await exitOnArguments('standalone', VERSION);
try {
  const standalone = await startStandalone(process.env);
  const { lameDuckMs, shutdownGraceMs } = standalone.settings;
  stopOnSignal({
    stop: () => standalone.stop(),
    graceMs: lameDuckMs + shutdownGraceMs + 5000,
    log: standalone.log,
  });
  printResults(resultsOf(standalone));
} catch (error) {
  failToStart(error);
}
