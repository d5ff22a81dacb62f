import { failToStart, printResults, stopOnSignal } from '@culvert/runtime';
import { resultsOf } from './results.js';
import { startStandalone } from './standalone.js';

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
