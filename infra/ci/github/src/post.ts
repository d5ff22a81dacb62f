/** The end of the job, also of a canceled one: ends `expose`, which removes its URL, and the step's deployment. */
import { setTimeout as sleep } from 'node:timers/promises';
import { readEvent } from './event.js';
import { Progress } from './progress.js';
import { Runner } from './runner.js';
import { deploymentsOf, readSettings } from './settings.js';

/** Time for `expose` to finish requests and to remove its URL, in milliseconds. */
const END_TIMEOUT_MS = 20_000;
const POLL_MS = 100;

const runner = new Runner(process.env);

async function post(): Promise<void> {
  const hasEnded = await endExpose(Number(runner.state('pid')));
  if (hasEnded) runner.info('The preview ended with the job.');
  if (runner.state('deployment') === '') return;
  const event = readEvent(runner.env);
  const deployments = deploymentsOf(runner, event, readSettings(runner, event));
  if (deployments !== null) await Progress.end(runner, deployments, hasEnded);
}

/** Ends `expose`, if this step started it, and returns whether it did. */
async function endExpose(pid: number): Promise<boolean> {
  if (!Number.isSafeInteger(pid) || pid <= 1) return false;
  if (signal(pid, 'SIGTERM')) {
    const until = Date.now() + END_TIMEOUT_MS;
    while (signal(pid, 0) && Date.now() < until) await sleep(POLL_MS);
    signal(pid, 'SIGKILL');
  }
  return true;
}

/** Sends a signal, and returns whether the process exists. */
function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}

post().catch((error: unknown) => {
  // The work of the job is done: it must not fail because of its cleanup.
  runner.warning(`The cleanup after the preview failed: ${(error as Error).message}`);
});
