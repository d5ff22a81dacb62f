import { Inject, Injectable } from '@nestjs/common';
import { ProblemError } from '@culvert/contract';
import {
  apiKeyHint,
  checkConditions,
  foreignJobClaim,
  generateWorkloadToken,
  hashApiKeySecret,
  isOwnerClaim,
  type CheckedCondition,
  type Scope,
  type Store,
  type WorkloadIdentity,
} from '@culvert/domain';
import { STORE } from '@culvert/nest';
import { TokenProblem, TokenVerifier, type VerifiedToken } from '@culvert/workload-tokens';
import { Announcer } from '../../announcements/announcer.js';
import { RateLimiters, type RateLimiter } from '../../http/rate-limits/rate-limiters.js';
import { AuditLog } from '../../team/audit-events/audit-log.js';
import { MAX_WORKLOAD_TOKENS } from '../../team/team-limits.js';

/** Refused tokens of one identity that the audit log records in an hour: everyone can present tokens. */
const RECORDED_REFUSALS = { points: 20, seconds: 3600 };
const MAX_SUBJECT_LENGTH = 255;
const MAX_DETAIL_LENGTH = 200;
/** Claims of platforms that the audit log keeps, so that people find the job. */
const AUDITED_CLAIMS = [
  'repository',
  'ref',
  'event_name',
  'workflow_ref',
  'run_id',
  'actor',
  'project_path',
  'pipeline_source',
  'pipeline_id',
  'job_id',
  'user_login',
  'environment',
  'jti',
];

/** A token that was issued. */
export interface IssuedWorkloadToken {
  readonly secret: string;
  readonly lifetimeSeconds: number;
  readonly scopes: readonly Scope[];
}

/** Whether an identity accepts a token, and why not. */
export interface Judgment {
  /** Null: the token is accepted. */
  readonly problem: string | null;
  /** Subject of the token; null if the token cannot be trusted. */
  readonly subject: string | null;
  /** Empty if the token cannot be trusted. */
  readonly conditions: readonly CheckedCondition[];
  readonly claims: VerifiedToken | null;
}

/** Exchanges tokens of platforms for tokens of Culvert. */
@Injectable()
export class WorkloadSignInService {
  private readonly refusals: RateLimiter;

  constructor(
    @Inject(STORE) private readonly store: Store,
    private readonly verifier: TokenVerifier,
    private readonly audit: AuditLog,
    private readonly announcer: Announcer,
    limiters: RateLimiters,
  ) {
    this.refusals = limiters.create('workload-identity-refusals', RECORDED_REFUSALS);
  }

  /**
   * Exchanges a platform's token. The same token can be exchanged until it expires: a job of GitLab has only one for all
   * its commands, and each command keeps its token of Culvert to itself.
   * @throws ProblemError `identity_provider_failed` if the issuer does not answer
   */
  async signIn(
    id: string,
    token: string,
    address: string | null,
  ): Promise<IssuedWorkloadToken | { readonly refusal: string }> {
    const identity = await this.store.workloadIdentities.findById(id);
    if (identity === null)
      return { refusal: 'the workload identity does not exist: check workload_identity, which is its ID' };
    const judgment = await this.judge(identity, token);
    const { problem, claims } = judgment;
    if (problem !== null || claims === null) {
      await this.recordRefusal(identity, judgment, address);
      return { refusal: refusalOf(identity, judgment) };
    }
    const secret = generateWorkloadToken();
    const now = new Date();
    const issued = await this.store.workloadIdentities.issueToken(identity, {
      subject: subjectOf(claims),
      hint: apiKeyHint(secret),
      hash: hashApiKeySecret(secret),
      now,
      max: MAX_WORKLOAD_TOKENS,
    });
    if (issued === null) return { refusal: 'the workload identity has just changed: try again' };
    await this.announceEnded(issued.revokedApiKeyIds);
    const actor = { kind: 'workload-identity', id, address } as const;
    await this.audit.record({ teamId: identity.teamId, actor }, 'workload-identity.sign-in', identity, {
      after: auditedClaims(claims),
    });
    return { secret, lifetimeSeconds: identity.tokenLifetimeSeconds, scopes: issued.token.scopes };
  }

  /** Checks a token. Resolves with what does not match. @throws ProblemError if the issuer does not answer */
  async judge(identity: WorkloadIdentity, token: string): Promise<Judgment> {
    if (!identity.isEnabled) return untrusted('the workload identity is disabled');
    let claims: VerifiedToken;
    try {
      claims = await this.verifier.verify(token, identity);
    } catch (error) {
      if (!(error instanceof TokenProblem)) throw error;
      if (error.kind === 'token') return untrusted(error.message);
      throw new ProblemError('identity_provider_failed', { detail: error.message, cause: error });
    }
    const conditions = checkConditions(identity.conditions, claims);
    const problems = conditions.filter(({ matches }) => !matches).map(describe);
    const foreign = foreignJobClaim(identity.platform, claims);
    if (foreign !== null) problems.push(`the job is that of another project: ${foreign}`);
    const problem = problems.length === 0 ? null : problems.join('; ');
    return { problem, subject: subjectOf(claims), conditions, claims };
  }

  /** Ends a token that a program no longer needs. */
  async revoke(hash: string): Promise<void> {
    const revoked = await this.store.workloadIdentities.revokeToken(hash, new Date());
    if (revoked !== null) await this.announceEnded([revoked.id]);
  }

  /** Makes the edges and API processes drop what uses these tokens. */
  async announceEnded(apiKeyIds: readonly string[]): Promise<void> {
    if (apiKeyIds.length === 0) return;
    await this.announcer.announce(
      apiKeyIds.map((apiKeyId) => ({ type: 'api-key.revoked' as const, apiKeyId })),
    );
  }

  /** Only tokens that the issuer signed are recorded: their subject is true. */
  private async recordRefusal(
    identity: WorkloadIdentity,
    { claims, problem }: Judgment,
    address: string | null,
  ): Promise<void> {
    if (claims === null || !(await this.refusals.count(identity.id)).isWithin) return;
    const actor = { kind: 'system', id: null, address } as const;
    await this.audit.record({ teamId: identity.teamId, actor }, 'workload-identity.refuse', identity, {
      after: { ...auditedClaims(claims), problem: problem?.slice(0, MAX_DETAIL_LENGTH) ?? null },
    });
  }
}

/**
 * Returns why a token is refused, for the job that has it. Everyone can get a token from a public platform, so only jobs
 * of the owner learn which values the identity expects.
 */
function refusalOf({ platform }: WorkloadIdentity, { problem, conditions }: Judgment): string {
  const isStranger = conditions.some(({ claim, matches }) => !matches && isOwnerClaim(platform, claim));
  if (!isStranger) return problem ?? 'the token is not accepted';
  return conditions
    .filter(({ matches }) => !matches)
    .map(
      ({ claim, actual }) =>
        `the claim ${claim} is ${show(actual)}, which the workload identity does not accept`,
    )
    .join('; ');
}

function untrusted(problem: string): Judgment {
  return { problem, subject: null, conditions: [], claims: null };
}

/** Returns a failed condition in words: the claim, what the token has, and what is expected. */
function describe({ claim, values, actual }: CheckedCondition): string {
  const expected = values.map((value) => JSON.stringify(value)).join(' or ');
  return `the claim ${claim} is ${show(actual)}, expected ${expected}`;
}

function show(actual: string | null): string {
  return actual === null ? 'missing' : JSON.stringify(actual.slice(0, MAX_DETAIL_LENGTH));
}

function auditedClaims(claims: VerifiedToken): Record<string, string> {
  const kept = AUDITED_CLAIMS.flatMap((claim) => {
    const value = claims[claim];
    return typeof value === 'string' || typeof value === 'number'
      ? [[claim, printable(String(value), MAX_DETAIL_LENGTH)] as const]
      : [];
  });
  return { subject: subjectOf(claims), ...Object.fromEntries(kept) };
}

function subjectOf({ sub }: VerifiedToken): string {
  return printable(sub, MAX_SUBJECT_LENGTH);
}

/** Returns one line of a claim: its author may be a stranger, and names of branches are theirs to choose. */
function printable(claim: string, maxLength: number): string {
  return claim.slice(0, maxLength).replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/gu, '\uFFFD');
}
