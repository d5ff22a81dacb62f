import { ProblemError } from '@culvert/contract';
import { AuthorityLostError, TeamLimitError, type Role } from '@culvert/domain';
import type { Settings } from '@culvert/runtime';
import { authorityOf, type Caller, type Person } from '../http/auth/caller.js';

/** Large enough for every team that works together, small enough for every list. */
export const MAX_MEMBERS = 1000;
export const MAX_INVITATIONS = 200;
export const MAX_API_KEYS = 1000;
export const MAX_WORKLOAD_IDENTITIES = 100;
/** Maximum number of tokens of one workload identity that work at one time: jobs of an hour. */
export const MAX_WORKLOAD_TOKENS = 1000;
export const MAX_WEBHOOKS = 10;
/** Maximum number of teams of one person. */
export const MAX_TEAMS = 50;

/** @param teams number of teams that the person is a member of */
export function mayCreateTeam({ signIn }: Pick<Settings, 'signIn'>, teams: number): boolean {
  return signIn.teamCreation === 'everyone' || teams > 0;
}

/**
 * For `catch` around store calls: turns a limit, or the lost authority of a caller, into its problem. Other errors are
 * thrown unchanged.
 */
export function throwRefusal(error: unknown): never {
  if (error instanceof TeamLimitError) throw limitProblem(error);
  if (error instanceof AuthorityLostError) throw authorityProblem(error);
  throw error;
}

function limitProblem(error: TeamLimitError): ProblemError {
  const { max, thing } = error;
  const isOfPreview = thing === 'share links' || thing === 'preview tokens';
  return new ProblemError(isOfPreview ? 'credential_limit_reached' : 'team_limit_reached', {
    detail: `the limit is ${max} ${thing}`,
    cause: error,
  });
}

function authorityProblem(error: AuthorityLostError): ProblemError {
  const { reason, missing } = error;
  switch (reason) {
    case 'ended':
      return new ProblemError('unauthenticated', { cause: error });
    case 'not_a_member':
      return new ProblemError('not_a_member', { cause: error });
    case 'insufficient':
      return missing.length === 0
        ? new ProblemError('role_not_permitted', { cause: error })
        : new ProblemError('insufficient_scope', {
            detail: `you no longer have a scope that this needs: ${missing.join(', ')}`,
            cause: error,
          });
    default:
      throw new Error(`unhandled reason ${String(reason satisfies never)}`);
  }
}

/** Returns the role with which a caller changes members: a key can do at most what an admin can, even if an owner created it. */
export function powerOf({ role }: Pick<Caller, 'role'>): Role {
  return role ?? 'admin';
}

/**
 * Returns a person as a caller of another team than the one they act in: for its audit log, and for changes to
 * themselves.
 */
export function inTeam(teamId: string, person: Person): Caller {
  return {
    teamId,
    role: null,
    scopes: [],
    apiKey: null,
    user: null,
    userSession: null,
    expiresAt: null,
    authority: authorityOf(person),
    actor: person.actor,
  };
}
