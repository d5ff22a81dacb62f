/**
 * The main job on one machine: a deployment, a traffic manager that dials it, a service behind the manager, and
 * a public preview of that service. Everything is in memory or in a temporary place of its own, and nothing is
 * left when it stops.
 */
import { startSampleService } from '@culvert/sample-service';
import { createLog, failToStart, printResults, stopOnSignal } from '@culvert/runtime';
import { startTrafficManager } from '@culvert/traffic-manager';
import { resultsOf } from '../results.js';
import { startStandalone } from '../standalone.js';

/** Shows what goes wrong, and nothing else: the terminal belongs to the four lines people copy. */
const LOG_LEVEL = process.env['LOG_LEVEL'] ?? 'warn';

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
    '\nThe preview shows a small service that only the traffic manager can reach. Ctrl+C stops it all.\n',
  );
}

async function createPreview(url: string, apiKey: string, port: number): Promise<string> {
  const response = await fetch(`${url}/api/v1/previews`, {
    method: 'POST',
    headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      intercept: { name: 'sample', workload: 'sample-service', namespace: 'demo' },
      ingress: { host: '127.0.0.1', port, useTls: false, l5Host: 'sample.demo' },
      access: 'public',
    }),
  });
  const body = (await response.json()) as { url?: string };
  if (!response.ok || body.url === undefined) {
    throw new Error(`the preview could not be created: ${response.status} ${JSON.stringify(body)}`);
  }
  return body.url;
}

main().catch((error: unknown) => {
  failToStart(error);
});
