/**
 * Everything on one machine: a deployment, a traffic manager that dials it, a service behind the manager, and a public
 * preview of that service. All data is in memory or in a temporary folder, and is removed when the demo stops.
 */
import { inspect } from 'node:util';
import { ApiClient, keyCredential } from '@culvert/api-client';
import { previewResource } from '@culvert/contract';
import { HttpClient } from '@culvert/outbound';
import { startSampleService } from '@culvert/sample-service';
import { createLog, failToStart, printResults, stopOnSignal } from '@culvert/runtime';
import { startTrafficManager } from '@culvert/traffic-manager';
import { resultsOf } from '../results.js';
import { startStandalone } from '../standalone.js';

/** Shows only problems: the terminal belongs to the four lines that people copy. */
const LOG_LEVEL = process.env['LOG_LEVEL'] ?? 'warn';

const CALL_TIMEOUT_MS = 10_000;
const MAX_RESPONSE_BYTES = 65_536;

async function main(): Promise<void> {
  process.stderr.write('Starting Culvert, a traffic manager and a sample service …\n');
  const log = createLog({ level: 'warn', app: 'demo' });
  const standalone = await startStandalone({ ...process.env, LOG_LEVEL, DATA_DIR: 'memory' });
  const { created, url } = standalone;
  if (!created) throw new Error('the demo needs an empty database: unset DATABASE_URL');

  const service = await startSampleService({ port: 0, host: '127.0.0.1' });
  const manager = startTrafficManager(
    {
      url: `${standalone.settings.public.scheme}://127.0.0.1:${standalone.settings.listen.port}`,
      apiKey: created.apiKey,
      managerId: 'demo',
      name: 'demo cluster',
      clusterId: 'demo',
      allow: [`127.0.0.1:${service.port}`],
    },
    log,
  );
  await manager.ready;
  const preview = await createPreview(url, created.apiKey, service.port);

  stopOnSignal({
    stop: async () => {
      await manager.stop();
      await standalone.stop();
      await service.close();
    },
    graceMs: 10_000,
    log,
  });
  printResults([...resultsOf(standalone), ['Preview URL', preview]]);
  process.stdout.write(
    '\nThe preview shows a small service that only the traffic manager can reach. Press Ctrl+C to stop everything.\n',
  );
}

async function createPreview(url: string, apiKey: string, port: number): Promise<string> {
  const http = new HttpClient({
    connectTimeoutMs: CALL_TIMEOUT_MS,
    timeoutMs: CALL_TIMEOUT_MS,
    maxResponseBytes: MAX_RESPONSE_BYTES,
    allowPrivateAddresses: true,
  });
  const api = new ApiClient({
    url,
    http,
    credential: keyCredential(() => Promise.resolve(apiKey)),
    readings: { createPreview: previewResource },
    toError: (failure) => new Error(`the preview could not be created: ${inspect(failure)}`),
    timeoutMs: CALL_TIMEOUT_MS,
    maxResponseBytes: MAX_RESPONSE_BYTES,
  });
  const preview = await api.call('createPreview', {
    body: {
      intercept: { name: 'sample', workload: 'sample-service', namespace: 'demo' },
      ingress: { host: '127.0.0.1', port, useTls: false, l5Host: 'sample.demo' },
      access: 'public',
    },
  });
  http.close();
  return preview.url;
}

main().catch((error: unknown) => {
  failToStart(error);
});
