import {
  SCOPES,
  AuthorityLostError,
  isApiKeyUsable,
  scopesOfProgram,
  scopesOfRole,
  type Scope,
  type Authority,
  type Role,
} from '@culvert/domain';
import type { Client, TransactionClient } from '../client.js';
import { isUuid } from '../ids.js';
import { lockTeam } from './lock-team.js';

/** Permissions of a credential in a team at the moment. */
export interface Standing {
  /** The person whose permissions it has; null: the operator. */
  readonly userId: string | null;
  readonly apiKeyId: string | null;
  /** The role with which it changes members: a key never has more than an admin's, regardless of its creator. */
  readonly power: Role;
  readonly scopes: readonly Scope[];
  /** Time when an API key expires; null: never, or not a key. */
  readonly expiresAt: Date | null;
}

/**
 * Locks the team until the transaction ends, then checks the credential. Operations that reduce permissions take the same
 * lock, so the result stays true until then.
 * @throws AuthorityLostError if the credential has ended or lacks one of `needs`
 */
export async function lockTeamAs(
  tx: TransactionClient,
  teamId: string,
  by: Authority,
  needs: readonly Scope[],
): Promise<Standing> {
  await lockTeam(tx, teamId);
  return demandStanding(tx, teamId, by, needs);
}

/** Like `lockTeamAs`, without the lock: the result may already be outdated. */
export async function demandStanding(
  tx: Client | TransactionClient,
  teamId: string,
  by: Authority,
  needs: readonly Scope[],
): Promise<Standing> {
  const standing = await standingOf(tx, teamId, by);
  const missing = needs.filter((scope) => !standing.scopes.includes(scope));
  if (missing.length > 0) throw new AuthorityLostError('insufficient', missing);
  return standing;
}

async function standingOf(tx: Client | TransactionClient, teamId: string, by: Authority): Promise<Standing> {
  switch (by.kind) {
    case 'person': {
      // A sign-out of the browser waits for this transaction, or has already happened.
      const found = await tx.$queryRaw<unknown[]>`
        SELECT 1 AS found FROM user_session
        WHERE id = ${by.userSessionId}::uuid AND user_id = ${by.userId}::uuid FOR KEY SHARE`;
      if (found.length === 0) throw new AuthorityLostError('ended');
      const role = await roleOf(tx, teamId, by.userId);
      if (role === null) throw new AuthorityLostError('not_a_member');
      return ofPerson(by.userId, role, scopesOfRole(role));
    }
    case 'program': {
      const [program] = await tx.$queryRaw<{ clientId: string }[]>`
        SELECT client_id AS "clientId" FROM oauth_grant
        WHERE id = ${by.programId}::uuid AND team_id = ${teamId}::uuid AND user_id = ${by.userId}::uuid
        FOR KEY SHARE`;
      const role = program === undefined ? null : await roleOf(tx, teamId, by.userId);
      if (program === undefined || role === null) throw new AuthorityLostError('ended');
      return ofPerson(by.userId, role, scopesOfProgram(program.clientId, role));
    }
    case 'api-key': {
      const key = await tx.apiKey.findUnique({ where: { teamId_id: { teamId, id: by.apiKeyId } } });
      if (key === null || !isApiKeyUsable(key, new Date())) throw new AuthorityLostError('ended');
      const scopes = await scopesOfKey(tx, key);
      if (scopes === null) throw new AuthorityLostError('ended');
      const { createdByUserId: userId, expiresAt } = key;
      return { userId, apiKeyId: by.apiKeyId, power: 'admin', scopes, expiresAt };
    }
    default:
      throw new Error(`unhandled authority ${String(by satisfies never)}`);
  }
}

function ofPerson(userId: string, power: Role, scopes: readonly Scope[]): Standing {
  return { userId, apiKeyId: null, power, scopes, expiresAt: null };
}

interface KeyRow {
  readonly teamId: string;
  readonly createdByUserId: string | null;
  readonly scopes: readonly string[];
}

/** Returns the scopes of a key that its creator's role permits; null if the creator is not a member. */
export async function scopesOfKey(
  client: Client | TransactionClient,
  { teamId, createdByUserId, scopes }: KeyRow,
): Promise<Scope[] | null> {
  if (createdByUserId === null) return SCOPES.filter((scope) => scopes.includes(scope));
  const role = await roleOf(client, teamId, createdByUserId);
  return role && scopesOfRole(role).filter((scope) => scopes.includes(scope));
}

export async function roleOf(
  client: Client | TransactionClient,
  teamId: string,
  userId: string,
): Promise<Role | null> {
  if (!isUuid(userId)) return null;
  const where = { teamId_userId: { teamId, userId } };
  const membership = await client.membership.findUnique({ where, select: { role: true } });
  return membership?.role ?? null;
}
