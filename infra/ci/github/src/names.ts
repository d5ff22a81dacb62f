/** Default names of previews: the same in every run, and of each step its own. */
import { createHash } from 'node:crypto';
import type { PullRequestEvent } from './event.js';

const MAX_NAME_LENGTH = 63;
const HASH_LENGTH = 8;

/** The part of a step's settings that its name depends on. */
export interface Named {
  readonly mode: 'workload' | 'expose';
  readonly workload: string;
  readonly namespace: string;
}

type Pull = Pick<PullRequestEvent, 'repository' | 'number'>;

/**
 * Returns the name of the preview of a step, at most 63 characters. Names of clusters have only letters, digits and
 * hyphens, so a hash distinguishes repositories that look the same then. Another hash distinguishes steps of one pull
 * request that show different workloads.
 */
export function defaultName(pull: Pull, { mode, workload, namespace }: Named): string {
  return defaultNameStart(pull, mode) + hashOf(JSON.stringify([mode, namespace, workload]));
}

/** Returns what the default names of all previews of a pull request begin with, those of one mode. */
export function defaultNameStart({ repository, number }: Pull, mode: Named['mode']): string {
  const readable = repository
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+/, '');
  const end = `-${hashOf(repository)}-${mode === 'workload' ? 'pr' : 'job'}-${number}-`;
  return readable.slice(0, MAX_NAME_LENGTH - end.length - HASH_LENGTH).replace(/-+$/, '') + end;
}

function hashOf(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, HASH_LENGTH);
}
