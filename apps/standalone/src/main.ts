import { ConfigurationError, stopOnSignal } from '@culvert/platform';
import { printCreated } from './print-created.js';
import { startStandalone } from './standalone.js';

try {
  const standalone = await startStandalone(process.env);
  printCreated(standalone);
  stopOnSignal({
    stop: () => standalone.stop(),
    graceMs: standalone.settings.shutdownGraceMs + 5000,
    log: standalone.log,
  });
} catch (error) {
  const text = error instanceof ConfigurationError ? error.message : (error as Error).stack;
  process.stderr.write(`culvert: ${text}\n`);
  process.exit(1);
}
