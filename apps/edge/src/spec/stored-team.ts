import { hashApiKeySecret, SCOPES, type Store } from '@culvert/domain';
import { createStore } from '@culvert/store';
import { createTestDatabase, type TestDatabase } from '@culvert/testkit';
import { inject } from 'vitest';
import type { TunnelOwner } from '../tunnels/tunnel-credentials.js';

/** A team in a database of its own, with an owner and an API key for everything. */
export interface StoredTeam {
  readonly database: TestDatabase;
  readonly store: Store;
  readonly teamId: string;
  readonly userId: string;
  readonly apiKeyId: string;
  /** Owner of tunnels that are opened with the API key. */
  readonly owner: TunnelOwner;
  stop(): Promise<void>;
}

/** @param options.urlOf returns the address that the store uses for the database at `url`, such as that of a proxy */
export async function storeTeam(
  options: { readonly secret?: string; readonly urlOf?: (url: string) => Promise<string> } = {},
): Promise<StoredTeam> {
  const { secret = 'x', urlOf } = options;
  const database = await createTestDatabase(inject('databaseUrl'), inject('migratedDatabase'));
  const databaseUrl = (await urlOf?.(database.url)) ?? database.url;
  const store = await createStore({ databaseUrl, dataDir: 'memory' });
  const first = await store.bootstrap.createFirst({
    teamName: 'Shop',
    email: 'ada@example.test',
    passwordHash: '',
    apiKey: { name: 'x', hint: 'x', hash: hashApiKeySecret(secret), scopes: SCOPES, expiresAt: null },
  });
  const { team, owner, apiKey = null } = first ?? {};
  if (!team || !owner || apiKey === null) throw new Error('the database is not empty');
  return {
    database,
    store,
    teamId: team.id,
    userId: owner.id,
    apiKeyId: apiKey.id,
    owner: { teamId: team.id, credential: { kind: 'api-key', apiKeyId: apiKey.id } },
    stop: async () => {
      await store.close();
      await database.drop();
    },
  };
}
