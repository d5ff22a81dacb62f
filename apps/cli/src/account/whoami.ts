import { credentialSource } from '@culvert/client';
import type { Me } from '../api.js';
import type { CommandContext } from '../command-context.js';
import { showTime } from '../output/readable.js';

/** The signed-in identity, as printed and as JSON. */
export interface Identity {
  readonly url: string;
  readonly user: Me['user'];
  readonly apiKey: Me['apiKey'];
  /** Workload identity of a job; `apiKey` is its token then. */
  readonly workloadIdentity: NonNullable<Me['workloadIdentity']> | null;
  readonly team: Me['team'];
  readonly role: Me['role'];
  readonly scopes: Me['scopes'];
}

export function identityOf(
  url: string,
  { user, apiKey, workloadIdentity = null, team, role, scopes }: Me,
): Identity {
  return { url, user, apiKey, workloadIdentity, team, role, scopes };
}

/** Returns `Ada <ada@example.com>`, or the name of a workload identity or key. */
export function nameOf({
  user,
  apiKey,
  workloadIdentity,
}: Pick<Identity, 'user' | 'apiKey' | 'workloadIdentity'>): string {
  if (workloadIdentity !== null) return `workload identity ${workloadIdentity.name}`;
  if (user !== null) return user.name === '' ? user.email : `${user.name} <${user.email}>`;
  return apiKey === null ? '' : `API key ${apiKey.name} (${apiKey.hint}…)`;
}

const SOURCES = {
  environment: 'the API key in the environment',
  'workload-identity': 'a workload identity',
  'stored-key': 'a stored API key',
  'sign-in': 'a browser sign-in',
} as const;

export async function whoami({ api, output, settings }: CommandContext): Promise<void> {
  const identity = identityOf(settings.url, await api.call('getMe'));
  const source = credentialSource(settings);
  output.result(identity, () =>
    output.fields([
      ['Who', nameOf(identity)],
      ['Job', identity.workloadIdentity === null ? null : (identity.apiKey?.name ?? null)],
      ['Team', identity.team?.name ?? 'none'],
      ['Role', identity.role],
      ['Scopes', identity.scopes.join(', ')],
      ['Server', identity.url],
      ['By', source && SOURCES[source]],
      ['Ends', identity.apiKey?.expiresAt ? showTime(identity.apiKey.expiresAt) : null],
    ]),
  );
}
