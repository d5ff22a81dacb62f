/** Creates many teams at once, each with the same people and credentials, for specs that race two operations. */
import { randomUUID } from 'node:crypto';
import { generateApiKeySecret, hashApiKeySecret, type Authority, type Role } from '@culvert/domain';
import type { Pool, PoolClient } from 'pg';
import { previewDraft } from './databases.js';

/** A person with a browser in which they are signed in. */
export interface RacingPerson {
  readonly userId: string;
  readonly email: string;
  readonly by: Extract<Authority, { kind: 'person' }>;
}

/** One team, and the targets of the operations of a race. */
export interface RaceWorld {
  readonly teamId: string;
  readonly owner: RacingPerson;
  /** The person who loses permissions. */
  readonly person: RacingPerson;
  /** Not a member. */
  readonly guest: RacingPerson;
  /** A key of `person`, with all scopes of their role. */
  readonly key: { readonly id: string; readonly hash: string; readonly by: Authority };
  /** A program of `person`. */
  readonly program: {
    readonly by: Extract<Authority, { kind: 'program' }>;
    readonly refreshTokenHash: string;
  };
  /** An invitation for `guest`, created by `person`. */
  readonly invitation: { readonly id: string; readonly tokenHash: string };
  /** Sets a new password of `person`. */
  readonly resetTokenHash: string;
  /** Reported by a manager that does not show the removed preview. */
  readonly interceptId: string;
  readonly previewId: string;
  /** An intercept whose preview was removed while its manager keeps showing it. */
  readonly removed: {
    readonly trafficManagerId: string;
    /** The manager's own name. */
    readonly managerId: string;
    readonly interceptId: string;
    readonly client: string;
    readonly hostname: string;
  };
}

/** The password of all people, as if it had been hashed. */
export const PASSWORD_HASH = 'old';

const hash = (): string => hashApiKeySecret(generateApiKeySecret());

/** Rows by table, in an order that foreign keys accept. */
type Rows = Map<string, object[]>;

/** Creates `count` worlds whose `person` has this role. One statement per table: only the races matter. */
export async function createWorlds(
  pool: Pool,
  count: number,
  { role, scopes }: { readonly role: Role; readonly scopes: readonly string[] },
): Promise<RaceWorld[]> {
  const rows: Rows = new Map();
  const worlds = Array.from({ length: count }, () => describeWorld(rows, role, scopes));
  for (const [table, items] of rows) {
    // Only the given columns: others have their default.
    const columns = Object.keys(items[0] ?? {}).join(', ');
    await pool.query(
      `INSERT INTO "${table}" (${columns}) SELECT ${columns} FROM json_populate_recordset(NULL::"${table}", $1)`,
      [JSON.stringify(items)],
    );
  }
  return worlds;
}

function describeWorld(rows: Rows, role: Role, scopes: readonly string[]): RaceWorld {
  const add = <Row extends object>(table: string, row: Row): Row => {
    const added = rows.get(table);
    if (added === undefined) rows.set(table, [row]);
    else added.push(row);
    return row;
  };
  const now = new Date().toISOString();
  const later = new Date(Date.now() + 3_600_000).toISOString();
  const { id: team_id } = add('team', { id: randomUUID(), name: 'Race', created_at: now });
  const person = (): RacingPerson => {
    const userId = randomUUID();
    const email = `${userId}@race.test`;
    add('user', {
      id: userId,
      email,
      name: 'Jo',
      password_hash: PASSWORD_HASH,
      is_email_verified: true,
      created_at: now,
    });
    const session = add('user_session', {
      id: randomUUID(),
      user_id: userId,
      token_hash: hash(),
      created_at: now,
      last_seen_at: now,
      expires_at: later,
      user_agent: '',
    });
    return { userId, email, by: { kind: 'person', userId, userSessionId: session.id } };
  };
  const [owner, racing, guest] = [person(), person(), person()];
  const user_id = racing.userId;
  add('membership', { team_id, user_id: owner.userId, role: 'owner', created_at: now });
  add('membership', { team_id, user_id, role, created_at: now });
  const key = add('api_key', {
    id: randomUUID(),
    team_id,
    name: 'race',
    hint: 'cvt_',
    hash: hash(),
    scopes,
    created_by_user_id: user_id,
    created_at: now,
  });
  const manager = add('traffic_manager', {
    id: randomUUID(),
    team_id,
    manager_id: randomUUID(),
    kind: 'native',
    name: 'race',
    cluster_id: '',
    version: '',
    created_at: now,
  });
  const traffic_manager_id = manager.id;
  const interceptWith = (removed_preview: object | null) =>
    add('intercept', {
      id: `${randomUUID()}:race`,
      team_id,
      traffic_manager_id,
      name: 'race',
      client: randomUUID(),
      workload: 'race',
      workload_kind: 'Deployment',
      namespace: 'race',
      mechanism: 'http',
      mechanism_args: [],
      target_host: '127.0.0.1',
      target_port: 80,
      service_name: 'race',
      service_port_identifier: 'http',
      disposition: 'ACTIVE',
      message: '',
      metadata: {},
      headers: {},
      removed_preview,
      created_at: now,
      updated_at: now,
    });
  const intercept = interceptWith(null);
  const { interceptId: _interceptId, expiresAt: _expiresAt, ...kept } = previewDraft();
  const removed = interceptWith(kept);
  add('remembered_hostname', {
    team_id,
    client: removed.client,
    workload: removed.workload,
    namespace: removed.namespace,
    name: removed.name,
    hostname: kept.hostname,
    free_at: now,
  });
  const preview = add('preview', {
    id: randomUUID(),
    team_id,
    hostname: `${randomUUID()}.preview.test`,
    intercept_id: intercept.id,
    traffic_manager_id,
    ingress_host: 'race',
    ingress_port: 80,
    ingress_use_tls: false,
    ingress_l5_host: 'race',
    ingress_verify_tls: false,
    ingress_protocol: 'http1',
    access: 'team',
    allowed_emails: [],
    allowed_domains: [],
    display_banner: false,
    add_request_headers: {},
    created_at: now,
    updated_at: now,
  });
  const invitation = add('invitation', {
    id: randomUUID(),
    team_id,
    email: guest.email,
    role: 'member',
    token_hash: hash(),
    created_by_user_id: user_id,
    created_at: now,
    expires_at: later,
  });
  const reset = add('password_reset', { token_hash: hash(), user_id, expires_at: later });
  const program = add('oauth_grant', {
    id: randomUUID(),
    team_id,
    user_id,
    client_id: 'telepresence-cli',
    code_hash: hash(),
    code_challenge: 'c',
    redirect_uri: 'http://localhost:1/',
    code_expires_at: later,
    code_used_at: now,
    created_at: now,
    expires_at: later,
  });
  const refreshToken = add('oauth_refresh_token', {
    hash: hash(),
    team_id,
    grant_id: program.id,
    expires_at: later,
  });
  return {
    teamId: team_id,
    owner,
    person: racing,
    guest,
    key: { id: key.id, hash: key.hash, by: { kind: 'api-key', apiKeyId: key.id } },
    program: {
      by: { kind: 'program', userId: user_id, programId: program.id },
      refreshTokenHash: refreshToken.hash,
    },
    invitation: { id: invitation.id, tokenHash: invitation.token_hash },
    resetTokenHash: reset.token_hash,
    interceptId: intercept.id,
    previewId: preview.id,
    removed: {
      trafficManagerId: manager.id,
      managerId: manager.manager_id,
      interceptId: removed.id,
      client: removed.client,
      hostname: kept.hostname,
    },
  };
}

/**
 * Delays every statement of a pool by a few turns of the event loop, or milliseconds, so that concurrent operations
 * interleave differently each time. No test waits for time to pass: the delays only shuffle.
 */
export function shuffleStatements(pool: Pool): void {
  pool.on('connect', (client: PoolClient) => {
    const query = client.query.bind(client) as (...args: unknown[]) => unknown;
    const shuffled = (...args: unknown[]): unknown => pause().then(() => query(...args));
    client.query = shuffled as typeof client.query;
  });
}

function pause(): Promise<void> {
  const ms = Math.floor(Math.random() * 4);
  return new Promise((resolve) => {
    if (ms === 0) setImmediate(resolve);
    else setTimeout(resolve, ms);
  });
}
