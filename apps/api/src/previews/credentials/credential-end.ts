import { ProblemError } from '@culvert/contract';
import type { Caller } from '../../http/auth/caller.js';

/** Longest lifetime of a credential that a job creates. It must not outlast by much the job's own access. */
const MAX_JOB_CREDENTIAL_MS = 60 * 60_000;

/**
 * Returns when a credential ends that a caller creates.
 * @param wanted what the request says; undefined: nothing
 * @param usual used if the request says nothing; null: never. Jobs get an hour at most
 * @throws ProblemError if a workload identity wants more than an hour
 */
export function credentialEnd<Usual extends Date | null>(
  { apiKey }: Pick<Caller, 'apiKey'>,
  wanted: string | null | undefined,
  usual: Usual,
): Date | Usual {
  const end = wanted === undefined || wanted === null ? usual : new Date(wanted);
  if ((apiKey?.workloadIdentityId ?? null) === null) return end;
  const latest = new Date(Date.now() + MAX_JOB_CREDENTIAL_MS);
  if (end !== null && end <= latest) return end;
  if (wanted === undefined || wanted === null) return latest;
  throw new ProblemError('validation_failed', {
    errors: [{ pointer: '/expiresAt', message: 'must be within an hour: the caller is a workload identity' }],
  });
}
