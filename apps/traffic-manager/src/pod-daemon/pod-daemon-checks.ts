import { CLUSTER_PATH } from '@culvert/meeting-point';
import { type Check, tunnelCheck } from '@culvert/diagnosis';
import { culvertChecks } from '../check.js';
import { VERSION } from '../version.js';
import type { PodDaemonOptions } from './command.js';

/** Returns the checks of what a pod daemon needs: its traffic manager, and Culvert if its URL is set. */
export async function podDaemonChecks(options: PodDaemonOptions): Promise<Check[]> {
  const { managerUrl, managerCa, credential, culvertUrl, ca, apiKey, preview } = options;
  const manager = tunnelCheck(
    { url: managerUrl.href, ca: await managerCa?.(), secret: credential, version: VERSION },
    { id: 'traffic-manager', title: 'Traffic manager', needs: [], path: CLUSTER_PATH, isInCluster: true },
  );
  if (culvertUrl === null) return [manager, WITHOUT_URL];
  const forPreview = preview === null ? [] : (['previews:read', 'previews:write'] as const);
  const required = ['intercepts:write', ...forPreview] as const;
  return [manager, ...culvertChecks({ url: culvertUrl, ca, apiKey, required, useful: [] })];
}

const WITHOUT_URL: Check = {
  id: 'culvert',
  title: 'Culvert',
  timeoutMs: 1000,
  run: () =>
    Promise.resolve({
      state: 'skipped',
      message: 'skipped, because only the traffic manager knows its URL',
      advice: 'Set CULVERT_URL to check the way to Culvert too.',
    }),
};
