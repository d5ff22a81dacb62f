/** Runs the jobs of a namespace as a cluster with a node does: each command as a process of this machine. */
import { execFile } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { ROOT } from '../support/process.js';
import type { ChartPod } from '../infra/chart-pods.js';
import type { Cluster, KubernetesObject } from './cluster.js';
import { envOf } from './pod-env.js';

interface Job extends KubernetesObject {
  readonly spec: { readonly template: { readonly metadata: object; readonly spec: ChartPod['spec'] } };
  readonly status: { readonly conditions?: readonly object[] };
}

/** A job that was run. */
export interface RunJob {
  readonly name: string;
  readonly stdout: string;
}

/**
 * Runs the jobs that appear in the namespace while `act` runs, and reports that they are complete.
 * @returns what `act` returned, and the jobs in their order
 */
export async function withJobs<T>(
  cluster: Cluster,
  namespace: string,
  act: () => Promise<T>,
): Promise<{ readonly result: T; readonly jobs: readonly RunJob[] }> {
  const jobs: RunJob[] = [];
  let isOver = false;
  const acting = act().finally(() => (isOver = true));
  const running = runJobs(cluster, namespace, jobs, () => isOver);
  const [result] = await Promise.all([acting, running]);
  return { result, jobs };
}

async function runJobs(
  cluster: Cluster,
  namespace: string,
  done: RunJob[],
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    const { items } = await cluster.get<{ items: Job[] }>(`/apis/batch/v1/namespaces/${namespace}/jobs`);
    for (const job of items) {
      if ((job.status.conditions ?? []).length === 0) done.push(await runJob(cluster, namespace, job));
    }
    await delay(100);
  }
}

async function runJob(cluster: Cluster, namespace: string, job: Job): Promise<RunJob> {
  const { name } = job.metadata;
  const startTime = now();
  const { metadata, spec } = job.spec.template;
  // Admission decides about pods, not about jobs.
  await cluster.call('POST', `/api/v1/namespaces/${namespace}/pods`, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...metadata, generateName: `${name}-` },
    spec,
  });
  const [container] = spec.containers;
  const [, ...args] = container.command ?? [];
  const env = await envOf(cluster, namespace, container, '127.0.0.1');
  const { stdout } = await promisify(execFile)(
    process.execPath,
    args.map((arg) => arg.replace(/^dist\//, `${ROOT}dist/`)),
    { cwd: ROOT, env },
  );
  const conditions = ['SuccessCriteriaMet', 'Complete'].map((type) => ({
    type,
    status: 'True',
    lastProbeTime: now(),
    lastTransitionTime: now(),
  }));
  await cluster.call(
    'PATCH',
    `/apis/batch/v1/namespaces/${namespace}/jobs/${name}/status`,
    {
      status: { startTime, completionTime: now(), succeeded: 1, uncountedTerminatedPods: {}, conditions },
    },
    'application/merge-patch+json',
  );
  return { name, stdout };
}

const now = (): string => new Date().toISOString().replace(/\.\d+/, '');
