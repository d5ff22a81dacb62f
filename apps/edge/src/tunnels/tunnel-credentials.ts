import { scopesOfProgram, type Store, type TunnelCredential } from '@culvert/domain';

/** The key's id or the program's: ids of both kinds are unique. */
export function idOf(credential: TunnelCredential): string {
  return credential.kind === 'api-key' ? credential.apiKeyId : credential.programId;
}

/** Why a tunnel of this credential is refused or ended; people read it in the log of their traffic manager. */
export function reasonOf(credential: TunnelCredential): string {
  return credential.kind === 'api-key'
    ? 'the API key is no longer valid'
    : 'the sign-in is no longer valid: sign in again';
}

/**
 * Ids of those credentials that may hold no tunnel now: keys that are revoked, expired or gone, and programs that have
 * ended or whose person may not open tunnels any more. Of a program, the access token that it once showed does not
 * matter: tokens live an hour, what they came from lives as long as it is used (docs/telepresence.md).
 */
export async function findUnusable(
  store: Pick<Store, 'apiKeys' | 'programs'>,
  credentials: Iterable<TunnelCredential>,
): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  const programs = new Set<string>();
  for (const credential of credentials)
    (credential.kind === 'api-key' ? keys : programs).add(idOf(credential));
  const now = new Date();
  const unusable = new Set(keys.size > 0 ? await store.apiKeys.findUnusable([...keys], now) : []);
  const alive = programs.size > 0 ? await store.programs.findAlive([...programs], now) : [];
  for (const { id, clientId, role } of alive)
    if (scopesOfProgram(clientId, role).includes('tunnel')) programs.delete(id);
  for (const id of programs) unusable.add(id);
  return unusable;
}
