/**
 * Two operations of a team that meet: each pair below runs 200 times on Postgres, each time in a team of its own and with
 * its statements interleaved differently. Whatever the order, what `INVARIANTS` forbids must not be left behind.
 */
import { randomUUID } from 'node:crypto';
import {
  AuthorityLostError,
  generateApiKeySecret,
  hashApiKeySecret,
  scopesOfRole,
  TeamLimitError,
  type ApiKeyScope,
  type Authority,
  type Role,
  type Store,
} from '@culvert/domain';
import { createTestDatabase } from '@culvert/testkit';
import { Pool } from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { previewDraft } from './spec/databases.js';
import { createWorlds, PASSWORD_HASH, shuffleStatements, type RaceWorld } from './spec/race-worlds.js';
import { storeOn } from './store.js';

const INTERLEAVINGS = 200;
/** Pairs that run at the same time; each of the two operations holds one connection. */
const AT_ONCE = 12;
const DAY_MS = 86_400_000;

let pool: Pool;
let store: Store;
let drop: () => Promise<void>;

beforeAll(async () => {
  const database = await createTestDatabase(inject('databaseUrl'), inject('migratedDatabase'));
  pool = new Pool({ connectionString: database.url, max: 2 * AT_ONCE });
  shuffleStatements(pool);
  store = storeOn({ pool, backgroundPool: pool, exclusively: (work) => work(pool), close: () => pool.end() });
  drop = () => database.drop();
});
afterAll(async () => {
  await store.close();
  await drop();
});

type Operation = (world: RaceWorld) => Promise<unknown>;

const hash = (): string => hashApiKeySecret(generateApiKeySecret());
const keyDraft = (scopes: readonly ApiKeyScope[]) => ({
  name: 'race',
  hint: 'cvt_',
  hash: hash(),
  scopes,
  expiresAt: null,
});
const credentialDraft = () => ({
  name: 'race',
  hint: 'cv',
  hash: hash(),
  expiresAt: new Date(Date.now() + DAY_MS),
});
const tokens = () => ({ accessTokenHash: hash(), refreshTokenHash: hash() });
const invitationDraft = (email: string) => ({
  email,
  role: 'admin' as const,
  tokenHash: hash(),
  expiresAt: new Date(Date.now() + DAY_MS),
});

// --- Operations ------------------------------------------------------------------------------------------------

const createKey =
  (
    who: (world: RaceWorld) => Authority,
    scopes: readonly ApiKeyScope[] = ['keys:write', 'tunnel'],
    max = 50,
  ) =>
  (world: RaceWorld) =>
    store.apiKeys.create(world.teamId, keyDraft(scopes), { by: who(world), max });
const byPerson = ({ person }: RaceWorld) => person.by;
const byKey = ({ key }: RaceWorld) => key.by;
const byProgram = ({ program }: RaceWorld) => program.by;

const rotate =
  (who: (world: RaceWorld) => Authority, overlapMs = 60_000, max = 50) =>
  ({ teamId, key, ...world }: RaceWorld) => {
    const now = new Date();
    const { scopes: _scopes, ...draft } = keyDraft([]);
    const oldExpiresAt = new Date(now.getTime() + overlapMs);
    const by = who({ teamId, key, ...world });
    return store.apiKeys.replace(teamId, key.id, draft, { oldExpiresAt, now, by, max });
  };
const revokeKey: Operation = ({ teamId, key }) => store.apiKeys.revoke(teamId, key.id, new Date());

const change = (role: Role | null, who: (world: RaceWorld) => Authority | 'self') => (world: RaceWorld) =>
  store.members.change(world.teamId, world.person.userId, { role, by: who(world), at: new Date() });
const remove = change(null, ({ owner }) => owner.by);
const demote = change('member', ({ owner }) => owner.by);
const leave = change(null, () => 'self');
/** As the dashboard does it: what the person left ends with them. */
const removeAndEnd: Operation = async (world) => {
  await remove(world);
  await store.memberCredentials.end(world.teamId, world.person.userId, world.owner.by, new Date());
};
const ownerLeaves: Operation = ({ teamId, owner }) =>
  store.members.change(teamId, owner.userId, { role: null, by: 'self', at: new Date() });
const ownerRemovedByPerson: Operation = ({ teamId, owner, person }) =>
  store.members.change(teamId, owner.userId, { role: null, by: person.by, at: new Date() });

const shareLink =
  (max = 50) =>
  ({ teamId, previewId, person: { by } }: RaceWorld) =>
    store.shareLinks.create(teamId, previewId, credentialDraft(), { by, max });
const previewToken =
  (max = 50) =>
  ({ teamId, previewId, person: { by } }: RaceWorld) =>
    store.previewTokens.create(teamId, previewId, credentialDraft(), { by, max });

const invite =
  (max = 50) =>
  ({ teamId, person: { by } }: RaceWorld) =>
    store.invitations.create(teamId, invitationDraft(`${randomUUID()}@race.test`), { by, max });
const renew: Operation = ({ teamId, invitation, person }) =>
  store.invitations.renew(
    teamId,
    invitation.id,
    { tokenHash: hash(), expiresAt: new Date(Date.now() + DAY_MS) },
    person.by,
  );
const revokeInvitation: Operation = ({ teamId, invitation }) =>
  store.invitations.remove(teamId, invitation.id);
const accept =
  (maxMembers = 50, maxTeams = 50) =>
  ({ invitation, guest }: RaceWorld) =>
    store.invitations.accept(invitation.tokenHash, guest.userId, { now: new Date(), maxMembers, maxTeams });

const consent: Operation = ({ teamId, person }) =>
  store.oauthGrants.create(teamId, {
    userId: person.userId,
    clientId: 'culvert',
    codeHash: hash(),
    codeChallenge: 'c',
    redirectUri: 'http://localhost:1/',
    at: new Date(),
  });
const refresh: Operation = ({ teamId, program }) =>
  store.oauthGrants.refresh(teamId, program.refreshTokenHash, tokens(), new Date());
const endProgram: Operation = ({ person, program }) =>
  store.oauthGrants.revoke(person.userId, program.by.programId);
const openTunnel: Operation = ({ teamId, program: { by } }) =>
  store.sessions.register(teamId, {
    identity: { managerId: randomUUID(), clusterId: '', name: 'race', version: '' },
    kind: 'native',
    credential: { kind: 'program', programId: by.programId, userId: by.userId },
    edgeId: 'edge-1',
    remoteAddress: '192.0.2.1',
    at: new Date(),
    maxSessions: 50,
  });

const signIn: Operation = ({ person: { userId } }) =>
  store.userSessions.createByPassword(
    { userId, tokenHash: hash(), at: new Date(), address: null, userAgent: 'by the old password' },
    PASSWORD_HASH,
  );
const resetPassword: Operation = ({ resetTokenHash }) =>
  store.passwordResets.redeem(resetTokenHash, 'new', new Date());
const changePassword: Operation = ({ person: { userId } }) =>
  store.users.replacePasswordHash(userId, { from: PASSWORD_HASH, to: 'stolen' });

const preview =
  (max: number) =>
  ({ teamId, interceptId }: RaceWorld) =>
    store.previews.create(teamId, previewDraft({ interceptId }), max);
const requestPreview =
  (maxPreviews: number) =>
  ({ teamId }: RaceWorld) => {
    const { interceptId, ...draft } = previewDraft();
    return store.requestedPreviews.open(teamId, {
      managerId: randomUUID(),
      managerName: 'race',
      interceptId,
      // Another client each time: the hostname of one would come back.
      intercept: { ...requestedIntercept, client: randomUUID() },
      preview: draft,
      maxPreviews,
      at: new Date(),
    });
  };
const requestedIntercept = {
  name: 'race',
  client: 'jo',
  workload: 'race',
  workloadKind: 'Deployment',
  namespace: 'race',
  mechanism: 'http',
  mechanismArgs: [],
  targetHost: '127.0.0.1',
  targetPort: 80,
  serviceName: 'race',
  servicePortIdentifier: 'http',
  disposition: 'ACTIVE',
  message: '',
  metadata: {},
  headers: {},
} as const;

// --- What must hold afterwards ---------------------------------------------------------------------------------

const USABLE = 'k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())';

/** Each finds what is wrong in one of the teams `$1`. Parameters: the teams, and the scopes of a member and an admin. */
const INVARIANTS: Readonly<Record<string, string>> = {
  'a key whose maker is not a member': `
    SELECT k.id FROM api_key k LEFT JOIN membership m ON m.team_id = k.team_id AND m.user_id = k.created_by_user_id
    WHERE k.team_id = ANY($1) AND k.created_by_user_id IS NOT NULL AND m.role IS NULL AND ${USABLE}`,
  'a key that permits more than the role of its maker': `
    SELECT k.id FROM api_key k JOIN membership m ON m.team_id = k.team_id AND m.user_id = k.created_by_user_id
    WHERE k.team_id = ANY($1) AND ${USABLE} AND m.role <> 'owner'
      AND NOT k.scopes <@ CASE m.role WHEN 'admin' THEN $3::text[] ELSE $2::text[] END`,
  'a key that outlives the key that made it': `
    SELECT k.id FROM api_key k JOIN api_key p ON p.id = k.created_by_api_key_id
    WHERE k.team_id = ANY($1) AND ${USABLE} AND (p.revoked_at IS NOT NULL
      OR COALESCE(k.expires_at, 'infinity') > COALESCE(p.expires_at, 'infinity'))`,
  'a replaced key without an end': `
    SELECT k.id FROM api_key k JOIN api_key n ON n.replaces_id = k.id
    WHERE k.team_id = ANY($1) AND k.revoked_at IS NULL AND k.expires_at IS NULL`,
  'a team without an owner': `
    SELECT id FROM team t WHERE id = ANY($1)
      AND NOT EXISTS (SELECT 1 FROM membership m WHERE m.team_id = t.id AND m.role = 'owner')`,
  'a program whose person is not a member': `
    SELECT g.id FROM oauth_grant g LEFT JOIN membership m ON m.team_id = g.team_id AND m.user_id = g.user_id
    WHERE g.team_id = ANY($1) AND m.role IS NULL`,
  'a session by a password that was replaced': `
    SELECT s.id FROM user_session s JOIN "user" u ON u.id = s.user_id
    JOIN membership m ON m.user_id = u.id
    WHERE m.team_id = ANY($1) AND u.password_hash = 'new' AND s.user_agent = 'by the old password'`,
};

/** Where the pair ends what a person left, nothing of theirs still works. */
const NOTHING_LEFT = `
  SELECT c.id FROM (
    SELECT id, team_id, created_by_user_id FROM share_link WHERE revoked_at IS NULL
    UNION ALL SELECT id, team_id, created_by_user_id FROM preview_token WHERE revoked_at IS NULL
    UNION ALL SELECT id, team_id, created_by_user_id FROM invitation) c
  LEFT JOIN membership m ON m.team_id = c.team_id AND m.user_id = c.created_by_user_id
  WHERE c.team_id = ANY($1) AND c.created_by_user_id IS NOT NULL AND m.role IS NULL`;

const atMost = (table: string, max: number): string =>
  `SELECT team_id FROM ${table} WHERE team_id = ANY($1) GROUP BY team_id HAVING count(*) > ${max}`;
const atMostUsableKeys = (max: number): string =>
  `SELECT k.team_id FROM api_key k WHERE k.team_id = ANY($1) AND ${USABLE} GROUP BY k.team_id HAVING count(*) > ${max}`;

interface Pair {
  readonly name: string;
  readonly first: Operation;
  readonly second: Operation;
  /** Of `person`. Default: admin. */
  readonly role?: Role;
  /** Finds what this pair in particular must not leave behind. */
  readonly never?: string;
}

const ADMIN_KEY: readonly ApiKeyScope[] = ['keys:write', 'team:write', 'tunnel'];

const PAIRS: readonly Pair[] = [
  // Keys, and the person whose power they have
  { name: 'create a key / remove its maker', first: createKey(byPerson), second: remove },
  { name: 'create a key / demote its maker', first: createKey(byPerson, ADMIN_KEY), second: demote },
  { name: 'create a key / leave', first: createKey(byPerson), second: leave },
  { name: 'create a key by a program / remove its person', first: createKey(byProgram), second: remove },
  { name: 'rotate a key / remove its maker', first: rotate(byPerson), second: remove },
  { name: 'rotate a key by itself / leave', first: rotate(byKey), second: leave },
  // Keys, and the key that makes them
  { name: 'create a key by a key / revoke that key', first: createKey(byKey), second: revokeKey },
  { name: 'create a key by a key / rotate that key', first: createKey(byKey), second: rotate(byPerson) },
  {
    name: 'rotate a key / revoke it',
    first: rotate(byPerson),
    second: revokeKey,
    never: 'SELECT id FROM api_key WHERE team_id = ANY($1) AND revoked_at IS NULL AND replaces_id IS NULL',
  },
  {
    name: 'rotate a key / rotate it',
    first: rotate(byPerson),
    second: rotate(byKey),
    never: atMost('api_key', 2),
  },
  // Limits
  {
    name: 'create the last key / create the last key',
    first: createKey(byPerson, ['tunnel'], 2),
    second: createKey(byKey, ['tunnel'], 2),
    never: atMostUsableKeys(2),
  },
  {
    name: 'create the last key / rotate a key',
    first: createKey(byPerson, ['tunnel'], 2),
    second: rotate(byPerson, 60_000, 2),
    never: atMostUsableKeys(2),
  },
  {
    name: 'create the last link / create the last link',
    first: shareLink(1),
    second: shareLink(1),
    never: atMost('share_link', 1),
  },
  {
    name: 'create the last token / create the last token',
    first: previewToken(1),
    second: previewToken(1),
    never: atMost('preview_token', 1),
  },
  {
    name: 'send the last invitation / send the last invitation',
    first: invite(2),
    second: invite(2),
    never: atMost('invitation', 2),
  },
  {
    name: 'create the last preview / request the last preview',
    first: preview(2),
    second: requestPreview(2),
    never: atMost('preview', 2),
  },
  // Links, tokens and invitations, and the person who makes them
  {
    name: 'create a link / remove its maker with what they left',
    first: shareLink(),
    second: removeAndEnd,
    never: NOTHING_LEFT,
  },
  {
    name: 'create a token / remove its maker with what they left',
    first: previewToken(),
    second: removeAndEnd,
    never: NOTHING_LEFT,
  },
  {
    name: 'invite / remove the inviter with what they left',
    first: invite(),
    second: removeAndEnd,
    never: NOTHING_LEFT,
  },
  {
    name: 'renew an invitation / remove the inviter with what they left',
    first: renew,
    second: removeAndEnd,
    never: NOTHING_LEFT,
  },
  { name: 'invite / demote the inviter', first: invite(), second: demote },
  // Invitations, and who accepts them
  {
    name: 'accept / accept',
    first: accept(),
    second: accept(),
    never: atMost('membership', 3),
  },
  {
    name: 'accept / revoke the invitation',
    first: accept(),
    second: revokeInvitation,
    never: `
      SELECT team_id FROM invitation WHERE team_id = ANY($1)`,
  },
  {
    name: 'accept / renew the invitation',
    first: accept(),
    second: renew,
    never: `
      SELECT i.team_id FROM invitation i JOIN "user" u ON u.email = i.email
      JOIN membership m ON m.team_id = i.team_id AND m.user_id = u.id WHERE i.team_id = ANY($1)`,
  },
  { name: 'accept / remove another member', first: accept(3), second: remove },
  {
    name: 'accept / invite again',
    first: accept(),
    second: ({ teamId, guest, person: { by } }) =>
      store.invitations.create(teamId, invitationDraft(guest.email), { by, max: 50 }),
    never: `
      SELECT i.team_id FROM invitation i JOIN "user" u ON u.email = i.email
      JOIN membership m ON m.team_id = i.team_id AND m.user_id = u.id WHERE i.team_id = ANY($1)`,
  },
  // Owners
  { name: 'leave / leave, both owners', role: 'owner', first: leave, second: ownerLeaves },
  { name: 'remove / be removed, both owners', role: 'owner', first: remove, second: ownerRemovedByPerson },
  { name: 'demote / leave, both owners', role: 'owner', first: demote, second: ownerLeaves },
  // Programs
  { name: 'let a program act / remove its person', first: consent, second: remove },
  { name: 'refresh a program / remove its person', first: refresh, second: remove },
  { name: 'refresh a program / refresh it', first: refresh, second: refresh },
  { name: 'refresh a program / end it', first: refresh, second: endProgram },
  { name: 'open a tunnel by a program / remove its person', first: openTunnel, second: remove },
  // Browsers
  { name: 'sign in / set a new password', first: signIn, second: resetPassword },
  {
    name: 'change the password / set a new password',
    first: changePassword,
    second: resetPassword,
    never: `
      SELECT u.id FROM "user" u JOIN membership m ON m.user_id = u.id
      WHERE m.team_id = ANY($1) AND u.password_hash NOT IN ('old', 'new') `,
  },
];

// Each takes two seconds of a quiet machine, and a busy one shares.
describe('two operations of a team that meet', { timeout: 120_000 }, () => {
  it.each(PAIRS)(
    'leave nothing behind that is forbidden: $name',
    async ({ first, second, role = 'admin', never }) => {
      const worlds = await createWorlds(pool, INTERLEAVINGS, { role, scopes: scopesOfRole(role) });
      await runAll(worlds, first, second);
      const teams = worlds.map(({ teamId }) => teamId);
      const wrong: string[] = [];
      for (const [what, sql] of Object.entries({
        ...INVARIANTS,
        ...(never && { 'what this pair forbids': never }),
      })) {
        const usesRoles = sql.includes('$2');
        const parameters = usesRoles ? [teams, scopesOfRole('member'), scopesOfRole('admin')] : [teams];
        const { rows } = await pool.query(sql, parameters);
        if (rows.length > 0) wrong.push(`${what}: in ${rows.length} of ${INTERLEAVINGS}`);
      }
      expect(wrong).toEqual([]);
    },
  );
});

/** Runs the two in each world, in turns beginning with either; several worlds at a time. */
async function runAll(worlds: readonly RaceWorld[], first: Operation, second: Operation): Promise<void> {
  const left = worlds.entries();
  const work = async (): Promise<void> => {
    for (const [index, world] of left) {
      const both = index % 2 === 0 ? [first, second] : [second, first];
      await Promise.all(both.map((operation) => operation(world).catch(expectRefusal)));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}

/** The loser of a race is refused, and never fails otherwise: no deadlock, no constraint that nobody translated. */
function expectRefusal(error: unknown): void {
  if (error instanceof AuthorityLostError || error instanceof TeamLimitError) return;
  throw error;
}
