/**
 * A process that holds many idle tunnels, each of a traffic manager of its own. Prints `Open` once all are open, and
 * ends with status 1 when one cannot be opened or closes.
 *
 * Environment: URL of the edge, API_KEY, PREFIX of the manager ids, COUNT.
 */
import { randomUUID } from 'node:crypto';
import { dialTunnel, dialWebSocket } from '@culvert/tunnel';

const { URL: address = '', API_KEY: apiKey = '', PREFIX = '', COUNT = '0' } = process.env;
const url = new URL(address);
const count = Number(COUNT);

const DIALS_AT_ONCE = 16;
const DIAL_TIMEOUT_MS = 30_000;

async function open(managerId: string): Promise<void> {
  const result = await dialWebSocket({ url, apiKey, timeoutMs: DIAL_TIMEOUT_MS });
  if (!result.ok) throw new Error(`a tunnel could not be opened: ${result.reason}`);
  const identity = { managerId, clusterId: '', name: managerId, version: '0', instanceId: randomUUID() };
  await new Promise<void>((resolve) => {
    dialTunnel(result.carrier, identity, {
      onOpen: () => resolve(),
      onClose: (code, reason) => fail(new Error(`a tunnel closed: ${code} ${reason}`)),
    });
  });
}

async function openEveryNth(first: number): Promise<void> {
  for (let i = first; i < count; i += DIALS_AT_ONCE) await open(`${PREFIX}-${i}`);
}

function fail(error: Error): void {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}

process.once('SIGTERM', () => process.exit(0));
try {
  await Promise.all(Array.from({ length: DIALS_AT_ONCE }, (_, first) => openEveryNth(first)));
  process.stdout.write('Open\n');
} catch (error) {
  fail(error as Error);
}
