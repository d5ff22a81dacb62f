import cluster from 'node:cluster';

/** Tells a worker its number, from 1. */
export const WORKER_VARIABLE = 'CULVERT_EDGE_WORKER';

/** Returns the number of the worker that this process is; null if no supervisor started it. */
export function workerNumber(env: NodeJS.ProcessEnv): number | null {
  return cluster.isWorker ? Number(env[WORKER_VARIABLE]) : null;
}
