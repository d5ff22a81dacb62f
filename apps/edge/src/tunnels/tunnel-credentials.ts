import { scopesOfProgram, type Store, type TunnelCredential } from '@culvert/domain';

/** Owner of a tunnel. */
export interface TunnelOwner {
  readonly teamId: string;
  readonly credential: TunnelCredential;
  /** Hash of the secret, if the credential is only known from memory, because the store is away. */
  readonly uncheckedHash?: string;
}

/** Returns the ID of the key or the program: IDs of both kinds are unique. */
export function idOf(credential: TunnelCredential): string {
  return credential.kind === 'api-key' ? credential.apiKeyId : credential.programId;
}

/**
 * Returns why a tunnel with this credential is refused or ended; people read it in the log of their traffic manager.
 */
export function reasonOf(credential: TunnelCredential): string {
  return credential.kind === 'api-key'
    ? 'the API key is no longer valid'
    : 'the sign-in is no longer valid: sign in again';
}

/**
 * Returns the IDs of those credentials that can no longer hold a tunnel: keys that are revoked, expired or gone, and
 * programs whose access has ended or whose person may no longer open tunnels. The access token of a program does not
 * matter: access tokens live an hour, but the grant lives as long as it is used (docs/telepresence.md).
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
