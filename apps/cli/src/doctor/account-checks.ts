/** Checks of the credential, its scopes, and the domain of previews. */
import { randomBytes } from 'node:crypto';
import { type ClientError, credentialSource, unreachable } from '@culvert/client';
import type { Scope } from '@culvert/contract';
import type { Check, Finding } from '@culvert/diagnosis';
import { identityOf, nameOf } from '../account/whoami.js';
import type { Me } from '../api.js';
import type { CommandContext } from '../command-context.js';
import { showTime } from '../output/readable.js';

const DAY_MS = 86_400_000;
const WARNING_MS = 7 * DAY_MS;
const TIMEOUT_MS = 12_000;

/** Scopes that each feature needs. */
const NEEDS: Readonly<Record<string, readonly Scope[]>> = {
  expose: ['tunnel', 'sessions:read', 'previews:write'],
  intercept: ['intercepts:write'],
  preview: ['previews:read', 'previews:write'],
};

export function accountChecks(context: CommandContext): Check[] {
  let me: Me | null = null;
  return [
    {
      id: 'sign-in',
      title: 'Sign-in',
      needs: ['api'],
      timeoutMs: TIMEOUT_MS,
      run: async () => {
        me = await context.api.call('getMe');
        return judgeIdentity(context, me);
      },
    },
    {
      id: 'scopes',
      title: 'Scopes',
      needs: ['sign-in'],
      timeoutMs: 1000,
      run: () => {
        const hasClusterSecret = Boolean(context.env['CULVERT_CLUSTER_SECRET']?.trim());
        const isKey = (me?.apiKey ?? null) !== null;
        return Promise.resolve(judgeScopes(me?.scopes ?? [], { hasClusterSecret, isKey }));
      },
    },
    {
      id: 'preview-domain',
      title: 'Preview URLs',
      needs: ['sign-in'],
      timeoutMs: TIMEOUT_MS,
      run: (signal) => checkPreviewDomain(context, me?.scopes ?? [], signal),
    },
  ];
}

function judgeIdentity({ settings }: CommandContext, me: Me): Finding {
  const identity = identityOf(settings.url, me);
  const source = credentialSource(settings);
  const facts = { source, role: me.role, team: me.team?.name ?? null };
  const who = `${nameOf(identity)}, team ${me.team?.name ?? 'none'}`;
  const endsAt = me.apiKey?.expiresAt ?? null;
  if (me.team === null)
    return {
      state: 'failure',
      message: `${nameOf(identity)} is not a member of a team`,
      advice: 'Ask an owner or admin of a team to invite you. Then run "culvert login" again.',
      facts,
    };
  // Its tokens live an hour at most, and are replaced by themselves.
  if (source === 'workload-identity') return { state: 'ok', message: who, facts };
  if (endsAt === null || Date.parse(endsAt) - Date.now() > WARNING_MS)
    return { state: 'ok', message: who, facts };
  const message = `${who}; the key ends at ${showTime(endsAt)}`;
  return { state: 'warning', message, advice: 'Replace it with "culvert keys rotate".', facts };
}

/**
 * Says which features the scopes allow. Exported for its spec.
 * @param hasClusterSecret whether intercepts use the secret of their cluster instead of the credential
 * @param isKey whether the scopes are those of an API key; otherwise those of a role
 */
export function judgeScopes(
  scopes: Me['scopes'],
  { hasClusterSecret, isKey }: { readonly hasClusterSecret: boolean; readonly isKey: boolean },
): Finding {
  const missing = Object.entries(NEEDS).flatMap(([feature, needed]) => {
    const lacking = needed.filter((scope) => !scopes.includes(scope));
    const isFree = lacking.length === 0 || (feature === 'intercept' && hasClusterSecret);
    return isFree ? [] : [{ feature, lacking }];
  });
  const allowed = Object.keys(NEEDS).filter((name) => !missing.some(({ feature }) => feature === name));
  const facts = { scopes, allowed, missing };
  const may =
    allowed.length === 0 ? 'allow none of expose, intercept, preview' : `allow ${allowed.join(', ')}`;
  if (missing.length === 0) return { state: 'ok', message: may, facts };
  const lacks = missing.map(({ feature, lacking }) => `${feature} needs ${lacking.join(' and ')}`).join('; ');
  const advice = isKey
    ? 'The API key lacks these scopes. If you need them, use a key that has them, or run "culvert login" without a key.'
    : 'Your role lacks these scopes. If you need them, ask an owner or admin of your team to change your role.';
  return { state: 'warning', message: `${may}; ${lacks}`, advice, facts };
}

/** Asks for a name that no preview has, below the domain of an existing preview. */
async function checkPreviewDomain(
  { api, http }: CommandContext,
  scopes: Me['scopes'],
  signal: AbortSignal,
): Promise<Finding> {
  if (!scopes.includes('previews:read'))
    return { state: 'skipped', message: 'skipped, because the scope previews:read is missing' };
  const { items } = await api.call('listPreviews', { query: { limit: 1 } });
  const [preview] = items;
  if (preview === undefined)
    return { state: 'skipped', message: 'skipped, because there is no preview whose domain could be tried' };
  const url = new URL(preview.url);
  url.hostname = `doctor-${randomBytes(6).toString('hex')}.${url.hostname.replace(/^[^.]+\./, '')}`;
  url.pathname = '/';
  const facts = { host: url.host };
  try {
    const { headers, status } = await http.send({
      url: url.origin,
      timeoutMs: 10_000,
      maxResponseBytes: 64 * 1024,
      signal,
    });
    // An edge refuses a name that no preview has, as it refuses one of a private preview.
    if (headers['x-culvert-error'] !== undefined)
      return { state: 'ok', message: `*.${url.host.replace(/^[^.]+\./, '')} leads to Culvert`, facts };
    return {
      state: 'failure',
      message: `${url.host} does not lead to Culvert (HTTP ${status})`,
      advice:
        'Another server answers for this domain. Ask the operator of Culvert to point its wildcard DNS record at an edge.',
      facts,
    };
  } catch (error) {
    return judgeUnreached(url, unreachable(url.origin, error));
  }
}

function judgeUnreached({ host }: URL, { message, hint }: ClientError): Finding {
  const facts = { host };
  if (!message.includes('does not exist')) return { state: 'failure', message, advice: hint, facts };
  const advice = 'Ask the operator of Culvert to add a wildcard DNS record for the preview domain.';
  return { state: 'failure', message, advice, facts };
}
