/** Shared by the specs of this folder's repositories: both kinds of database, and initial rows. */
import { randomUUID } from 'node:crypto';
import {
  generateApiKeySecret,
  hashApiKeySecret,
  hashOAuthSecret,
  type ApiKey,
  type ApiKeyDraft,
  type Authority,
  type InterceptDraft,
  type PreviewDraft,
  type Role,
  type SessionRegistration,
  type Store,
  type Team,
  type TrafficManager,
  type TunnelCredential,
} from '@culvert/domain';
import type { Pool } from 'pg';
import { afterAll, beforeAll, describe, inject } from 'vitest';
import { openDatabase } from '../database/open-database.js';
import { migrate } from '../migrate/migrate.js';
import { readMigratedCluster } from '../migrate/migrated-cluster.js';
import { storeOn } from '../store.js';

/** Filled in before the first test. */
export interface Context {
  store: Store;
  /** For statements that no repository has. */
  pool: Pool;
}

/** Creates a database on the server of the tests; the testkit's `createTestDatabase`. */
export type CreateDatabase = (
  serverUrl: string,
  original?: string,
) => Promise<{ url: string; drop(): Promise<void> }>;

/** Runs the suite on embedded Postgres and on a server. */
export function describeOnEveryDatabase(
  name: string,
  createDatabase: CreateDatabase,
  suite: (context: Context, kind: 'embedded' | 'server') => void,
): void {
  describe.each(['embedded', 'server'] as const)(`${name} (%s)`, (kind) => {
    const context = {} as Context;
    let cleanUp: () => Promise<void>;

    beforeAll(async () => {
      const server =
        kind === 'server' ? await createDatabase(inject('databaseUrl'), inject('migratedDatabase')) : null;
      const database = await openDatabase({ databaseUrl: server?.url, dataDir: 'memory' }, () =>
        readMigratedCluster(),
      );
      await migrate(database);
      context.pool = database.pool;
      context.store = storeOn(database);
      cleanUp = async () => {
        await context.store.close();
        await server?.drop();
      };
    });
    afterAll(() => cleanUp());

    suite(context, kind);
  });
}

/** A team with a key and a traffic manager: most rows depend on them. */
export interface Tenant {
  readonly team: Team;
  readonly apiKey: ApiKey;
  readonly manager: TrafficManager;
}

export async function createTenant(store: Store): Promise<Tenant> {
  const team = await store.teams.create('a team');
  const apiKey = await store.apiKeys.create(team.id, apiKeyDraft());
  const manager = await store.trafficManagers.create(team.id, identity());
  if (!manager) throw new Error('a manager id was used twice');
  return { team, apiKey, manager };
}

/** Creates a new member of a team who is signed in, and their credential. */
export async function createMember(
  store: Store,
  teamId: string,
  role: Role,
): Promise<{ userId: string; email: string; by: Extract<Authority, { kind: 'person' }> }> {
  const { id: userId, email } = await store.users.findOrCreate(`${randomUUID()}@example.test`, 'Ada');
  await store.users.addMembership(teamId, userId, role);
  const { id: userSessionId } = await store.userSessions.create({
    userId,
    tokenHash: hashOAuthSecret(randomUUID()),
    at: new Date(),
    address: null,
    userAgent: '',
  });
  return { userId, email, by: { kind: 'person', userId, userSessionId } };
}

/** Creates a program authorized by a new member of the tenant's team. */
export async function createProgram(
  store: Store,
  { team }: Tenant,
  at: Date = new Date(),
): Promise<Extract<TunnelCredential, { kind: 'program' }>> {
  const { id: userId } = await store.users.findOrCreate(`${randomUUID()}@example.test`, 'Ada');
  await store.users.addMembership(team.id, userId, 'member');
  const program = await store.programs.create(team.id, {
    userId,
    clientId: 'telepresence-cli',
    codeHash: hashOAuthSecret(randomUUID()),
    codeChallenge: 'x'.repeat(43),
    redirectUri: 'http://localhost:1234/callback',
    at,
  });
  if (!program) throw new Error('the person is not a member');
  const tokens = {
    accessTokenHash: hashOAuthSecret(randomUUID()),
    refreshTokenHash: hashOAuthSecret(randomUUID()),
  };
  await store.programs.exchangeCode(team.id, program.id, tokens, at);
  return { kind: 'program', programId: program.id, userId };
}

export function apiKeyDraft(change: Partial<ApiKeyDraft> = {}): ApiKeyDraft {
  return {
    name: 'ci',
    hint: 'cvt_1234',
    hash: hashApiKeySecret(generateApiKeySecret()),
    scopes: ['tunnel', 'previews:read'],
    expiresAt: null,
    ...change,
  };
}

export function identity(managerId: string = randomUUID()) {
  return { managerId, clusterId: 'cluster', name: 'staging', version: '1.2.3' };
}

export function registration(tenant: Tenant, change: Partial<SessionRegistration> = {}): SessionRegistration {
  const { managerId, clusterId, name, version } = tenant.manager;
  return {
    identity: { managerId, clusterId, name, version },
    kind: 'native',
    credential: { kind: 'api-key', apiKeyId: tenant.apiKey.id },
    edgeId: 'edge-1',
    remoteAddress: '192.0.2.1',
    instanceId: 'process-1',
    at: new Date(),
    ...change,
  };
}

export function interceptId(): string {
  return `${randomUUID()}:orders`;
}

export function interceptDraft(tenant: Tenant, change: Partial<InterceptDraft> = {}): InterceptDraft {
  return {
    trafficManagerId: tenant.manager.id,
    name: 'orders',
    client: 'jo@laptop',
    workload: 'orders',
    workloadKind: 'Deployment',
    namespace: 'shop',
    mechanism: 'http',
    mechanismArgs: ['--header', 'x-one: a,"b"{c}\\'],
    targetHost: '127.0.0.1',
    targetPort: 8080,
    serviceName: 'orders',
    servicePortIdentifier: 'http',
    disposition: 'ACTIVE',
    message: '',
    metadata: { branch: 'näh/🧵' },
    headers: { 'x-user': 'jo|.+' },
    ...change,
  };
}

export function previewDraft(change: Partial<PreviewDraft> = {}): PreviewDraft {
  return {
    hostname: `${randomUUID()}.preview.test`,
    interceptId: interceptId(),
    ingress: {
      host: 'ingress.shop',
      port: 443,
      useTls: true,
      l5Host: 'shop.test',
      verifyTls: false,
      protocol: 'h2',
      addressedAs: 'target',
    },
    access: 'team',
    allowedEmails: ['jo@client.test'],
    allowedDomains: ['partner.test'],
    displayBanner: true,
    pullRequestUrl: 'https://git.test/shop/1',
    addRequestHeaders: { 'x-from': 'preview' },
    expiresAt: null,
    ...change,
  };
}

/** Creates an intercept and a preview of it. */
export async function createPreview(store: Store, tenant: Tenant, change: Partial<PreviewDraft> = {}) {
  const draft = previewDraft(change);
  const preview = await store.previews.createWithIntercept(
    tenant.team.id,
    draft.interceptId,
    interceptDraft(tenant),
    draft,
  );
  if (!preview) throw new Error('the tenant has no such traffic manager');
  return preview;
}
