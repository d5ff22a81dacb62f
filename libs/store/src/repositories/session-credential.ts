import type { SessionCredential, TunnelCredential } from '@culvert/domain';
import type { TransactionClient } from '../client.js';

/** How a session's credential lies in its row. That it is one of two, `session_credential_check` says as well. */
export interface CredentialColumns {
  readonly apiKeyId: string | null;
  readonly userId: string | null;
  readonly oauthGrantId: string | null;
}

export function toSessionCredential({
  apiKeyId,
  userId,
  oauthGrantId,
}: CredentialColumns): SessionCredential {
  if (apiKeyId !== null) return { kind: 'api-key', apiKeyId };
  if (userId === null) throw new Error('a session has no credential');
  return { kind: 'program', programId: oauthGrantId, userId };
}

/**
 * What to write for `credential`. Locks the row of a program, so that it cannot end before the transaction does.
 * Called before any row but the team's is locked: whoever removes a program locks it first, and its sessions then.
 */
export async function lockCredential(
  tx: TransactionClient,
  credential: TunnelCredential,
): Promise<CredentialColumns> {
  if (credential.kind === 'api-key')
    return { apiKeyId: credential.apiKeyId, userId: null, oauthGrantId: null };
  const { programId, userId } = credential;
  const [program] = await tx.$queryRaw<{ id: string }[]>`
    SELECT id FROM oauth_grant WHERE id = ${programId}::uuid FOR KEY SHARE`;
  return { apiKeyId: null, userId, oauthGrantId: program?.id ?? null };
}
