/** The end of the job: ends what `expose` started, which removes its URL. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readEvent } from './event.js';
import { Runner } from './runner.js';
import { deploymentsOf, readSettings } from './settings.js';

/** Time for `expose` to finish requests and to remove its URL, in milliseconds. */
const END_TIMEOUT_MS = 20_000;
const POLL_MS = 100;

const runner = new Runner(process.env);

async function post(): Promise<void> {
  const pid = Number(runner.state('pid'));
  if (!Number.isSafeInteger(pid) || pid <= 1) return;
  if (signal(pid, 'SIGTERM')) {
    const until = Date.now() + END_TIMEOUT_MS;
    while (signal(pid, 0) && Date.now() < until) await sleep(POLL_MS);
    signal(pid, 'SIGKILL');
  }
  const event = readEvent(runner.env);
  await deploymentsOf(runner, event, readSettings(runner, event))?.end();
  runner.info('The preview ended with the job.');
}

/** Returns whether the process was there. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

post().catch((error: unknown) => {
  // What the job did is not worth failing for.
  runner.warning(`The end of the preview was not recorded: ${(error as Error).message}`);
});
