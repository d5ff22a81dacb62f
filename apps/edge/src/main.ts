import {
  createLog,
  exitOnArguments,
  exitOnConfigurationError,
  failToStart,
  loadSettings,
} from '@culvert/runtime';
import { runEdge } from './run-edge.js';
import { VERSION } from './version.js';
import { superviseWorkers } from './workers/supervisor.js';
import { workerNumber } from './workers/worker-number.js';

await exitOnArguments('edge', VERSION);
const settings = exitOnConfigurationError(() => loadSettings('edge', process.env));
const worker = workerNumber(process.env);
const log = createLog({ level: settings.logLevel, app: 'edge' }).child(worker === null ? {} : { worker });

const running =
  worker === null && settings.edgeWorkers > 1
    ? superviseWorkers(settings, log)
    : runEdge(settings, log, worker);
running.catch((error: unknown) => failToStart(error, { log }));
