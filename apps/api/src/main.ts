import { setTimeout as sleep } from 'node:timers/promises';
import { createEventBus } from '@culvert/events';
import { Metrics } from '@culvert/metrics';
import { LeavingServer, openPort, registerServerMetrics, startAdminServer } from '@culvert/nest';
import {
  appUrl,
  createLog,
  exitOnArguments,
  exitOnConfigurationError,
  failToStart,
  loadSettings,
  printResults,
  Readiness,
  stopOnSignal,
} from '@culvert/runtime';
import { createStore } from '@culvert/store';
import { createApiApp, VERSION } from './api-app.js';
import { bootstrap, bootstrapResults } from './people/bootstrap/bootstrap.js';

await exitOnArguments('api', VERSION);
const settings = exitOnConfigurationError(() => loadSettings('api', process.env));
const log = createLog({ level: settings.logLevel, app: 'api' });

try {
  const { databaseUrl, dataDir, databasePoolSize: poolSize, redisUrl } = settings;
  const { listen, lameDuckMs, shutdownGraceMs } = settings;
  const store = await createStore({ databaseUrl, dataDir, poolSize });
  const bus = createEventBus({ redisUrl, onError: (error) => log.error({ err: error }, 'event bus') });
  const created = await bootstrap(store, settings);
  const app = await createApiApp({ settings, version: VERSION, log, store, bus });
  registerServerMetrics(app.get(Metrics), { database: store.measures, bus });
  const server = new LeavingServer(app.getHttpServer());
  await openPort(app, listen);
  const admin = await startAdminServer(app, listen);

  stopOnSignal({
    // The admin server stops last: until then it reports that this process is not ready.
    stop: async () => {
      app.get(Readiness).markStopping();
      server.giveNotice();
      await sleep(lameDuckMs);
      // Before event streams end, so that their clients connect to another process.
      server.closePort();
      await app.close();
      await admin.close();
    },
    graceMs: lameDuckMs + shutdownGraceMs,
    log,
  });
  const { port: adminPort, metricsPort } = admin;
  log.info({ port: listen.port, adminPort, metricsPort, url: appUrl(settings) }, 'serving');

  if (created !== null) printResults([['Dashboard', appUrl(settings)], ...bootstrapResults(created)]);
} catch (error) {
  failToStart(error, { log });
}
