import type { Scope, WorkloadPlatform } from '@culvert/terms';
import { isExactPattern, matchesClaim } from './claim-pattern.js';
import { SECRET_PREFIXES } from './secret-prefixes.js';
import { generateSecret } from './secret.js';

/** A claim that a token must have, with one of the values. Values may contain wildcards (`matchesClaim`). */
export interface ClaimCondition {
  readonly claim: string;
  readonly values: readonly string[];
}

/**
 * A rule of a team: programs whose OIDC token comes from this issuer and meets all conditions get a short-lived token of
 * Culvert. It contains no secret and belongs to the team, not to the person who created it.
 */
export interface WorkloadIdentity {
  readonly id: string;
  readonly teamId: string;
  readonly name: string;
  readonly platform: WorkloadPlatform;
  /** URL of the issuer: the claim `iss`, character by character. */
  readonly issuer: string;
  /** Value that the claim `aud` must contain. */
  readonly audience: string;
  readonly conditions: readonly ClaimCondition[];
  readonly scopes: readonly Scope[];
  /** Lifetime of Culvert's tokens in seconds. */
  readonly tokenLifetimeSeconds: number;
  readonly isEnabled: boolean;
  /** Increases with each change. */
  readonly revision: number;
  readonly lastUsedAt: Date | null;
  /** Subject of the last token that it accepted, or null. */
  readonly lastUsedSubject: string | null;
  /** Person who created it; null: an API key of the operator. */
  readonly createdByUserId: string | null;
  readonly createdAt: Date;
}

export type WorkloadIdentityDraft = Pick<
  WorkloadIdentity,
  'name' | 'platform' | 'issuer' | 'audience' | 'conditions' | 'scopes' | 'tokenLifetimeSeconds' | 'isEnabled'
>;

export type WorkloadIdentityChange = Partial<WorkloadIdentityDraft>;

/** Fixed issuers of the platforms. Others are servers of a company: GitHub Enterprise Server, or its own GitLab. */
export const PLATFORM_ISSUERS: Readonly<Record<Exclude<WorkloadPlatform, 'other'>, string>> = {
  github: 'https://token.actions.githubusercontent.com',
  gitlab: 'https://gitlab.com',
};

/** Returns a new token of a workload identity: a prefix, and 256 random bits in base64url. */
export function generateWorkloadToken(): string {
  return generateSecret(SECRET_PREFIXES.workloadToken);
}

/** Claims of one platform that name an owner, and the form of a value that names exactly one. */
type Owners = Readonly<Record<string, (value: string) => boolean>>;

const OWNERS: Readonly<Record<WorkloadPlatform, Owners>> = {
  github: {
    repository: (value) => /^[^*/]+\/./.test(value),
    repository_owner: isExactPattern,
    repository_id: isExactPattern,
    repository_owner_id: isExactPattern,
    sub: (value) =>
      /^repo(?:sitory)?:[^*/:]+\/./.test(value) || /^repository_owner:[^*:]+(?::|$)/.test(value),
  },
  gitlab: {
    project_path: (value) => /^[^*/]+\/./.test(value),
    namespace_path: (value) => /^[^*/]+(?:\/|$)/.test(value),
    project_id: isExactPattern,
    namespace_id: isExactPattern,
    sub: (value) => /^project_path:[^*/:]+\/./.test(value),
  },
  // Such as organization:acme:pipeline:**.
  other: { sub: (value) => isExactPattern(value) || /^[^*/:]+[/:][^*/:]+[/:]/.test(value) },
};

/**
 * Returns why conditions would accept tokens of owners that the team does not know, or null if they do not. Everyone
 * can get a token from a public platform, so one condition must name the owner.
 */
export function problemOfConditions(
  platform: WorkloadPlatform,
  conditions: readonly ClaimCondition[],
): string | null {
  const owners = OWNERS[platform];
  const isTied = conditions.some(({ claim, values }) => {
    const namesOwner = Object.hasOwn(owners, claim) ? owners[claim] : undefined;
    return namesOwner !== undefined && values.every(namesOwner);
  });
  if (isTied) return null;
  const claims = Object.keys(owners).join(', ');
  return platform === 'other'
    ? 'must include one for the claim sub, with values that have no wildcard in their first two parts, such as organization:acme:**: every program that gets a token from the issuer could sign in otherwise'
    : `must include one that names the owner without a wildcard, in one of these claims: ${claims}. Every user of the platform could sign in otherwise`;
}

/** Reports whether conditions on a claim name the owner at a platform. */
export function isOwnerClaim(platform: WorkloadPlatform, claim: string): boolean {
  return Object.hasOwn(OWNERS[platform], claim);
}

/** Claims of GitLab with the project whose job runs, and those with the project whose pipeline includes it. */
const GITLAB_JOB_CLAIMS = { job_project_path: 'project_path', job_project_id: 'project_id' } as const;

/**
 * Returns the claim by which a token is for the job of another project than its conditions are about, or null. A pipeline
 * of GitLab can run a job that another project defines.
 */
export function foreignJobClaim(
  platform: WorkloadPlatform,
  claims: Readonly<Record<string, unknown>>,
): string | null {
  if (platform !== 'gitlab') return null;
  for (const [job, pipeline] of Object.entries(GITLAB_JOB_CLAIMS))
    if (Object.hasOwn(claims, job) && textOf(claims[job]) !== textOf(claims[pipeline])) return job;
  return null;
}

/** The result of one condition for one token. */
export interface CheckedCondition extends ClaimCondition {
  /** The claim's value in the token; null: it has none, or one that is not text, a number or a boolean. */
  readonly actual: string | null;
  readonly matches: boolean;
}

/** Checks the claims of a verified token. The token is accepted if every condition matches. */
export function checkConditions(
  conditions: readonly ClaimCondition[],
  claims: Readonly<Record<string, unknown>>,
): CheckedCondition[] {
  return conditions.map(({ claim, values }) => {
    const actual = textOf(Object.hasOwn(claims, claim) ? claims[claim] : undefined);
    const matches = actual !== null && values.some((value) => matchesClaim(value, actual));
    return { claim, values, actual, matches };
  });
}

function textOf(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : null;
}

/** Reports whether the tokens of an identity must end with a change of it: any change except the name. */
export function endsTokens(change: WorkloadIdentityChange): boolean {
  return Object.keys(change).some((field) => field !== 'name');
}
