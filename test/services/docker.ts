import { spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { runToEnd, type Service } from './server.js';

const HEALTH_TIMEOUT_MS = 60_000;
const HEALTH_INTERVAL_MS = 250;

/** Reports whether a Docker engine answers. */
export function hasDocker(): boolean {
  return spawnSync('docker', ['info'], { stdio: 'ignore', timeout: 5_000 }).status === 0;
}

/** Runs a container with one port published on the loopback interface, and waits until its health check passes. */
export async function startContainer(options: {
  readonly image: string;
  readonly port: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Command inside the container that exits with status 0 once the service answers. */
  readonly healthCommand: string;
  readonly command?: readonly string[];
  readonly urlOf: (host: string) => string;
}): Promise<Service> {
  const { image, port, env = {}, healthCommand, command = [], urlOf } = options;
  const id = runToEnd('docker', [
    'run',
    '--detach',
    '--rm',
    `--publish=127.0.0.1::${port}`,
    `--health-cmd=${healthCommand}`,
    '--health-interval=1s',
    ...Object.entries(env).map(([name, value]) => `--env=${name}=${value}`),
    image,
    ...command,
  ]).trim();
  const remove = () => void spawnSync('docker', ['rm', '--force', '--volumes', id], { stdio: 'ignore' });
  process.once('exit', remove);
  const stop = async () => {
    process.off('exit', remove);
    remove();
  };
  try {
    await untilHealthy(id);
    return {
      url: urlOf(
        runToEnd('docker', ['port', id, String(port)])
          .split('\n')[0]
          .trim(),
      ),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function untilHealthy(id: string): Promise<void> {
  const deadline = Date.now() + HEALTH_TIMEOUT_MS;
  while (runToEnd('docker', ['inspect', '--format={{.State.Health.Status}}', id]).trim() !== 'healthy') {
    if (Date.now() > deadline) throw new Error(`container ${id} did not become healthy`);
    await delay(HEALTH_INTERVAL_MS);
  }
}
