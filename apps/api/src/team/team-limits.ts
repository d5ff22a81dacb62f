import { ProblemError } from '@culvert/contract';
import { TeamLimitError, type Actor, type Role } from '@culvert/domain';
import type { Settings } from '@culvert/platform';
import type { Caller } from '../auth/caller.js';

/** Large enough for every team that works together, small enough for every list. */
export const MAX_MEMBERS = 1000;
export const MAX_INVITATIONS = 200;
export const MAX_API_KEYS = 1000;
/** That one person is a member of. */
export const MAX_TEAMS = 50;

/** @param teams of which the person is a member */
export function mayCreateTeam({ signIn }: Pick<Settings, 'signIn'>, teams: number): boolean {
  return signIn.teamCreation === 'everyone' || teams > 0;
}

/** For `catch`: a limit becomes its problem, anything else stays what it is. */
export function throwLimitProblem(error: unknown): never {
  if (!(error instanceof TeamLimitError)) throw error;
  const detail = `there may be ${error.max} ${error.thing}`;
  throw new ProblemError('team_limit_reached', { detail, cause: error });
}

/** As which role a caller changes members: a key does at most what an admin may, whoever made it. */
export function powerOf({ role }: Pick<Caller, 'role'>): Role {
  return role ?? 'admin';
}

/** Who acts, where the audit log of another team than the caller's is written. */
export function inTeam(teamId: string, { actor }: { readonly actor: Actor }): Caller {
  return {
    teamId,
    role: null,
    scopes: [],
    apiKey: null,
    user: null,
    userSession: null,
    expiresAt: null,
    actor,
  };
}
