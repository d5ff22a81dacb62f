import { type Repositories, type Store, StoreUnavailableError } from '@culvert/domain';
import { createClient, type Client } from './client.js';
import type { Database } from './database/database.js';
import { openDatabase, type DatabaseLocation } from './database/open-database.js';
import { migrate } from './migrate/migrate.js';
import { readMigratedCluster } from './migrate/migrated-cluster.js';
import { PrismaApiKeyRepository } from './repositories/api-key.repository.js';
import { PrismaAuditEventRepository } from './repositories/audit-event.repository.js';
import { PrismaAuthorityRepository } from './repositories/authority.repository.js';
import { PrismaBootstrapRepository } from './repositories/bootstrap.repository.js';
import { PrismaConnectionEventRepository } from './repositories/connection-event.repository.js';
import { PrismaDeviceAuthorizationRepository } from './repositories/device-authorization.repository.js';
import { PrismaEdgeRepository } from './repositories/edge.repository.js';
import { PrismaInterceptRepository } from './repositories/intercept.repository.js';
import { PrismaProgramRepository } from './repositories/program.repository.js';
import { PrismaOldRecordsRepository } from './repositories/old-records.repository.js';
import { PrismaPasswordResetRepository } from './repositories/password-reset.repository.js';
import { PrismaKeptExchangeRepository } from './repositories/kept-exchange.repository.js';
import { PrismaInvitationRepository } from './repositories/invitation.repository.js';
import { PrismaMemberCredentialRepository } from './repositories/member-credential.repository.js';
import { PrismaMemberRepository } from './repositories/member.repository.js';
import { PrismaPreviewRepository } from './repositories/preview.repository.js';
import { PrismaPullRequestCommentRepository } from './repositories/pull-request-comment.repository.js';
import { PrismaPreviewTokenRepository } from './repositories/preview-token.repository.js';
import { PrismaPreviewTrafficRepository } from './repositories/preview-traffic.repository.js';
import { PrismaPreviewVisitRepository } from './repositories/preview-visit.repository.js';
import { PrismaRequestedPreviewRepository } from './repositories/requested-preview.repository.js';
import { PrismaSessionRepository } from './repositories/session.repository.js';
import { PrismaShareLinkRepository } from './repositories/share-link.repository.js';
import { PrismaTeamRepository } from './repositories/team.repository.js';
import { PrismaTrafficManagerRepository } from './repositories/traffic-manager.repository.js';
import { PrismaTunnelRepository } from './repositories/tunnel.repository.js';
import { PrismaUserRepository } from './repositories/user.repository.js';
import { PrismaUserSessionRepository } from './repositories/user-session.repository.js';
import { PrismaWorkloadIdentityRepository } from './repositories/workload-identity.repository.js';
import { DatabaseMeasures } from './database-measures.js';
import { PrismaWebhookRepository } from './repositories/webhook.repository.js';
import { rethrow } from './unavailable.js';

/**
 * Opens the database, migrates it to the current schema, and returns its repositories.
 * @throws DataDirInUseError if another process uses the embedded database in `dataDir`
 * @throws MigrationError if the schema cannot be migrated
 */
export async function createStore(location: DatabaseLocation): Promise<MeasuredStore> {
  const database = await openDatabase(location, () => readMigratedCluster());
  try {
    await migrate(database);
    const store = storeOn(database);
    // Prisma's first query loads its compiler: half a second that the first caller would wait for. A traffic manager of
    // Telepresence allows a new preview three seconds, its connection included.
    await warmUp(store);
    return store;
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** A store whose queries are measured. */
export interface MeasuredStore extends Store {
  readonly measures: DatabaseMeasures;
}

/** On a busy machine the compiler may take longer than the limit of a connection. */
const WARM_UP_ATTEMPTS = 5;

async function warmUp(store: Store): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      await store.teams.findFirst();
      return;
    } catch (error) {
      if (!(error instanceof StoreUnavailableError) || attempt === WARM_UP_ATTEMPTS) throw error;
    }
  }
}

/** Returns the repositories of an open database whose schema is current. Closing the store closes the database. */
export function storeOn(database: Database): MeasuredStore {
  const { pool, backgroundPool } = database;
  const measures = new DatabaseMeasures();
  measures.watch('callers', pool);
  if (backgroundPool !== pool) measures.watch('background', backgroundPool);
  const client = createClient(pool, (query) => measures.measure('callers', query));
  const repositories = repositoriesOn(client);
  const backgroundClient =
    backgroundPool === pool
      ? null
      : createClient(backgroundPool, (query) => measures.measure('background', query));
  let closed: Promise<void> | null = null;
  const close = async (): Promise<void> => {
    await Promise.all([client.$disconnect(), backgroundClient?.$disconnect()]);
    await database.close();
  };
  return {
    measures,
    ...repositories,
    background: backgroundClient === null ? repositories : repositoriesOn(backgroundClient),
    async ping() {
      await pool.query('SELECT 1').catch(rethrow);
    },
    close: () => (closed ??= close()),
  };
}

function repositoriesOn(client: Client): Repositories {
  return {
    teams: new PrismaTeamRepository(client),
    authorities: new PrismaAuthorityRepository(client),
    members: new PrismaMemberRepository(client),
    memberCredentials: new PrismaMemberCredentialRepository(client),
    invitations: new PrismaInvitationRepository(client),
    users: new PrismaUserRepository(client),
    userSessions: new PrismaUserSessionRepository(client),
    passwordResets: new PrismaPasswordResetRepository(client),
    apiKeys: new PrismaApiKeyRepository(client),
    trafficManagers: new PrismaTrafficManagerRepository(client),
    sessions: new PrismaSessionRepository(client),
    edges: new PrismaEdgeRepository(client),
    tunnels: new PrismaTunnelRepository(client),
    connectionEvents: new PrismaConnectionEventRepository(client),
    intercepts: new PrismaInterceptRepository(client),
    previews: new PrismaPreviewRepository(client),
    programs: new PrismaProgramRepository(client),
    deviceAuthorizations: new PrismaDeviceAuthorizationRepository(client),
    pullRequestComments: new PrismaPullRequestCommentRepository(client),
    shareLinks: new PrismaShareLinkRepository(client),
    previewTokens: new PrismaPreviewTokenRepository(client),
    previewVisits: new PrismaPreviewVisitRepository(client),
    previewTraffic: new PrismaPreviewTrafficRepository(client),
    keptExchanges: new PrismaKeptExchangeRepository(client),
    requestedPreviews: new PrismaRequestedPreviewRepository(client),
    auditEvents: new PrismaAuditEventRepository(client),
    webhooks: new PrismaWebhookRepository(client),
    oldRecords: new PrismaOldRecordsRepository(client),
    workloadIdentities: new PrismaWorkloadIdentityRepository(client),
    bootstrap: new PrismaBootstrapRepository(client),
  };
}
