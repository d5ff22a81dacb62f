/** Names of the team's things, which Culvert knows, and of this machine's, for shells. */
import type { Api, ApiKey, Preview } from '../api.js';
import type { CommandContext } from '../command-context.js';
import { isUsable } from '../keys/keys.js';
import { findPreview, previewName } from '../preview/find-preview.js';
import type { Candidate } from './candidates.js';
import type { CompletedThing } from './completers.js';

/** The size of one page. */
const MAX_THINGS = 200;
const PLAIN_NAME = /^\w[\w.:/@+-]*$/;

type Key = Pick<ApiKey, 'id' | 'name' | 'hint' | 'revokedAt' | 'expiresAt'>;

/**
 * Returns names of things that may begin with `typed`.
 * @param before the arguments in front
 */
export async function listThings(
  context: CommandContext,
  thing: CompletedThing,
  { typed, before }: { readonly typed: string; readonly before: readonly string[] },
): Promise<Candidate[]> {
  if (thing === 'endpoint') {
    const { endpointNames } = await import('../up/file/endpoint-names.js');
    return endpointNames(process.cwd()).map((name) => candidate(name, ''));
  }
  if (thing === 'error-code') {
    const { ERRORS } = await import('@culvert/contract');
    const { describeRelayError, RELAY_ERROR_CODES } = await import('@culvert/relay');
    const ofPreviews = RELAY_ERROR_CODES.filter((code) => !Object.hasOwn(ERRORS, code));
    return [
      ...Object.entries(ERRORS).map(([code, { title }]) => candidate(code, title)),
      ...ofPreviews.map((code) => candidate(code, describeRelayError(code)?.title ?? '')),
    ];
  }
  const { api } = context;
  const query = { limit: MAX_THINGS };
  switch (thing) {
    case 'preview':
      return (await somePreviews(api, typed)).map(({ hostname, intercept }) =>
        candidate(previewName(hostname), intercept.workload),
      );
    case 'key':
      return keyCandidates(await api.list('listApiKeys'));
    case 'member':
      return (await api.call('listMembers')).items.map(({ email, name }) => candidate(email, name));
    case 'invitation':
      return (await api.call('listInvitations', { query })).items.map(({ email, role }) =>
        candidate(email, role),
      );
    case 'session':
      return (await api.call('listSessions', { query: { ...query, state: 'connected' } })).items.map(
        ({ id, trafficManager: { name, managerId } }) => candidate(id, name || managerId),
      );
    case 'traffic-manager':
      return (await api.call('listTrafficManagers', { query })).items.map(({ managerId, name }) =>
        candidate(managerId, name),
      );
    case 'intercept':
      return (await api.call('listIntercepts', { query })).items.map(({ id, workload, client }) =>
        candidate(id, `${workload} ${client}`.trim()),
      );
    case 'workload-identity':
      return (await api.call('listWorkloadIdentities', { query })).items.map(({ id, name }) =>
        candidate(id, name),
      );
    case 'webhook':
      return (await api.call('listWebhooks', { query })).items.map(({ id, name, url }) =>
        candidate(PLAIN_NAME.test(name) ? name : id, new URL(url).host),
      );
    case 'share-link':
    case 'preview-token':
      return credentials(api, thing, before.at(-1) ?? '');
    default:
      return thing satisfies never;
  }
}

/** Offers names. The id stands for a key whose name is not unique, no longer finds it, or needs quotes in a shell. */
export function keyCandidates(keys: readonly Key[]): Candidate[] {
  const names = keys.filter(isUsable).map(({ name }) => name);
  return keys
    .filter(({ revokedAt }) => revokedAt === null)
    .map(({ id, name, hint }) => {
      const isClear = PLAIN_NAME.test(name) && names.filter((each) => each === name).length === 1;
      return isClear ? candidate(name, `${hint}…`) : candidate(id, name);
    });
}

/** Lists those that still work of a preview. */
async function credentials(
  api: Api,
  thing: 'share-link' | 'preview-token',
  reference: string,
): Promise<Candidate[]> {
  const { id: previewId } = await findPreview(api, reference);
  const operation = thing === 'share-link' ? 'listShareLinks' : 'listPreviewTokens';
  const { items } = await api.call(operation, { previewId, query: { limit: MAX_THINGS } });
  return items
    .filter(({ revokedAt }) => revokedAt === null)
    .map(({ id, name }: { readonly id: string; readonly name: string }) => candidate(id, name));
}

/** Returns the newest page of the previews that have this text in their names. */
async function somePreviews(api: Api, search: string): Promise<readonly Preview[]> {
  const query = { limit: MAX_THINGS, ...(search !== '' && { search }) };
  return (await api.call('listPreviews', { query })).items;
}

function candidate(value: string, description: string): Candidate {
  return { value, description };
}
