import type { SessionCredential, TunnelCredential } from '@culvert/domain';
import type { TransactionClient } from '../client.js';

/** How a row stores a session's credential. `session_credential_check` also enforces that it is one of two. */
export interface CredentialColumns {
  readonly apiKeyId: string | null;
  readonly userId: string | null;
  readonly programId: string | null;
}

export function toSessionCredential({ apiKeyId, userId, programId }: CredentialColumns): SessionCredential {
  if (apiKeyId !== null) return { kind: 'api-key', apiKeyId };
  if (userId === null) throw new Error('a session has no credential');
  return { kind: 'program', programId, userId };
}

/**
 * Returns the columns for `credential`. Locks the row of a program, so that it cannot end before the transaction does. Call
 * it before any row but the team's is locked: removing a program locks the program first, and then its sessions.
 */
export async function lockCredential(
  tx: TransactionClient,
  credential: TunnelCredential,
): Promise<CredentialColumns> {
  if (credential.kind === 'api-key') return { apiKeyId: credential.apiKeyId, userId: null, programId: null };
  const { programId, userId } = credential;
  const [program] = await tx.$queryRaw<{ id: string }[]>`
    SELECT id FROM oauth_grant WHERE id = ${programId}::uuid FOR KEY SHARE`;
  return { apiKeyId: null, userId, programId: program?.id ?? null };
}
