/**
 * The testkit's double of a Telepresence traffic manager, as a process: creates a preview for each of PORTS and serves them
 * until it is stopped.
 *
 * Environment: CLOUD_HOST, CLOUD_PORT, CLOUD_CA_FILE, API_KEY, PORTS (of services on this machine, joined by commas).
 */
import { readFileSync } from 'node:fs';
import { TrafficManagerDouble } from '@culvert/testkit';

const { CLOUD_HOST = '', CLOUD_PORT, CLOUD_CA_FILE = '', API_KEY = '', PORTS = '' } = process.env;

const manager = new TrafficManagerDouble({
  host: CLOUD_HOST,
  address: '127.0.0.1',
  port: Number(CLOUD_PORT),
  ca: readFileSync(CLOUD_CA_FILE, 'utf8'),
  apiKey: API_KEY,
});
for (const port of PORTS.split(',').map(Number)) {
  const { id } = manager.addIntercept({ name: `service-${port}`, namespace: 'bench' });
  const ingress = { host: '127.0.0.1', port, l5host: 'service.internal' };
  const hostname = await manager.createPreview(id, { ingress, displayBanner: false });
  process.stdout.write(`Preview ${port} ${hostname}\n`);
}
