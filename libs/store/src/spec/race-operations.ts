/** Operations that can race with another one, each on things of a `RaceWorld`. */
import { randomUUID } from 'node:crypto';
import {
  generateApiKeySecret,
  hashApiKeySecret,
  type Scope,
  type Authority,
  type Role,
  type Store,
} from '@culvert/domain';
import { previewDraft } from './databases.js';
import { PASSWORD_HASH, type RaceWorld } from './race-worlds.js';

const DAY_MS = 86_400_000;

/** A world, and its store. */
export type Race = RaceWorld & { readonly store: Store };
export type Operation = (race: Race) => Promise<unknown>;

const hash = (): string => hashApiKeySecret(generateApiKeySecret());
const keyDraft = (scopes: readonly Scope[]) => ({
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
/** An invitation for this address. */
export const invitationDraft = (email: string) => ({
  email,
  role: 'admin' as const,
  tokenHash: hash(),
  expiresAt: new Date(Date.now() + DAY_MS),
});

export const createKey =
  (who: (world: Race) => Authority, scopes: readonly Scope[] = ['keys:write', 'tunnel'], max = 50) =>
  (world: Race) =>
    world.store.apiKeys.create(world.teamId, keyDraft(scopes), { by: who(world), max });
export const byPerson = ({ person }: Race) => person.by;
export const byKey = ({ key }: Race) => key.by;
export const byProgram = ({ program }: Race) => program.by;

export const rotate =
  (who: (world: Race) => Authority, overlapMs = 60_000, max = 50) =>
  ({ store, teamId, key, ...world }: Race) => {
    const now = new Date();
    const { scopes: _scopes, ...draft } = keyDraft([]);
    const oldExpiresAt = new Date(now.getTime() + overlapMs);
    const by = who({ store, teamId, key, ...world });
    return store.apiKeys.replace(teamId, key.id, draft, { oldExpiresAt, now, by, max });
  };
export const revokeKey: Operation = ({ store, teamId, key }) =>
  store.apiKeys.revoke(teamId, key.id, new Date());

const change = (role: Role | null, who: (world: Race) => Authority | 'self') => (world: Race) =>
  world.store.members.change(world.teamId, world.person.userId, { role, by: who(world), at: new Date() });
export const remove = change(null, ({ owner }) => owner.by);
export const demote = change('member', ({ owner }) => owner.by);
export const leave = change(null, () => 'self');
/** As the dashboard does it: ends what the person left. */
export const removeAndEnd: Operation = async (world) => {
  await remove(world);
  await world.store.memberCredentials.end(world.teamId, world.person.userId, world.owner.by, new Date());
};
export const ownerLeaves: Operation = ({ store, teamId, owner }) =>
  store.members.change(teamId, owner.userId, { role: null, by: 'self', at: new Date() });
export const ownerRemovedByPerson: Operation = ({ store, teamId, owner, person }) =>
  store.members.change(teamId, owner.userId, { role: null, by: person.by, at: new Date() });

export const shareLink =
  (max = 50) =>
  ({ store, teamId, previewId, person: { by } }: Race) =>
    store.shareLinks.create(teamId, previewId, credentialDraft(), { by, max });
export const previewToken =
  (max = 50) =>
  ({ store, teamId, previewId, person: { by } }: Race) =>
    store.previewTokens.create(teamId, previewId, credentialDraft(), { by, max });

export const invite =
  (max = 50) =>
  ({ store, teamId, person: { by } }: Race) =>
    store.invitations.create(teamId, invitationDraft(`${randomUUID()}@race.test`), { by, max });
export const renew: Operation = ({ store, teamId, invitation, person }) =>
  store.invitations.renew(
    teamId,
    invitation.id,
    { tokenHash: hash(), expiresAt: new Date(Date.now() + DAY_MS) },
    person.by,
  );
export const revokeInvitation: Operation = ({ store, teamId, invitation }) =>
  store.invitations.remove(teamId, invitation.id);
export const accept =
  (maxMembers = 50, maxTeams = 50) =>
  ({ store, invitation, guest }: Race) =>
    store.invitations.accept(invitation.tokenHash, guest.userId, { now: new Date(), maxMembers, maxTeams });

export const consent: Operation = ({ store, teamId, person }) =>
  store.programs.create(teamId, {
    userId: person.userId,
    clientId: 'culvert',
    codeHash: hash(),
    codeChallenge: 'c',
    redirectUri: 'http://localhost:1/',
    at: new Date(),
  });
export const refresh: Operation = ({ store, teamId, program }) =>
  store.programs.refresh(teamId, program.refreshTokenHash, tokens(), new Date());
export const endProgram: Operation = ({ store, person, program }) =>
  store.programs.revoke(person.userId, program.by.programId);
export const openTunnel: Operation = ({ store, teamId, program: { by } }) =>
  store.sessions.register(teamId, {
    identity: { managerId: randomUUID(), clusterId: '', name: 'race', version: '' },
    kind: 'native',
    credential: { kind: 'program', programId: by.programId, userId: by.userId },
    edgeId: 'edge-1',
    remoteAddress: '192.0.2.1',
    instanceId: 'process-1',
    at: new Date(),
    maxSessions: 50,
  });

export const signIn: Operation = ({ store, person: { userId } }) =>
  store.userSessions.createByPassword(
    { userId, tokenHash: hash(), at: new Date(), address: null, userAgent: 'by the old password' },
    PASSWORD_HASH,
  );
export const resetPassword: Operation = ({ store, resetTokenHash }) =>
  store.passwordResets.redeem(resetTokenHash, 'new', new Date());
export const changePassword: Operation = ({ store, person: { userId } }) =>
  store.users.replacePasswordHash(userId, { from: PASSWORD_HASH, to: 'stolen' });

export const preview =
  (max: number) =>
  ({ store, teamId, interceptId }: Race) =>
    store.previews.create(teamId, previewDraft({ interceptId }), max);
export const requestPreview =
  (maxPreviews: number) =>
  ({ store, teamId }: Race) => {
    const { interceptId, ...draft } = previewDraft();
    return store.requestedPreviews.open(teamId, {
      managerId: randomUUID(),
      managerName: 'race',
      interceptId,
      // Another client each time, since the same one would get its hostname back.
      intercept: { ...requestedIntercept, client: randomUUID() },
      preview: draft,
      maxPreviews,
      at: new Date(),
    });
  };
/** The manager that still shows the removed preview requests it again. */
export const requestAgain: Operation = ({ store, teamId, removed }) => {
  const { interceptId: _interceptId, ...draft } = previewDraft();
  const { managerId, interceptId, client } = removed;
  return store.requestedPreviews.open(teamId, {
    managerId,
    managerName: 'race',
    interceptId,
    intercept: { ...requestedIntercept, client },
    preview: draft,
    maxPreviews: 50,
    at: new Date(),
  });
};
/** The manager no longer shows the removed preview. */
export const dropRemoved: Operation = ({ store, teamId, removed: { interceptId, hostname } }) =>
  store.requestedPreviews.dropRemoved(teamId, interceptId, hostname);
/** The manager no longer shows the intercept. */
export const closeIntercept: Operation = ({ store, teamId, removed: { managerId, interceptId } }) =>
  store.requestedPreviews.closeIntercept(teamId, managerId, interceptId, new Date());
export const restore =
  (max = 50): Operation =>
  ({ store, teamId, removed: { interceptId } }) =>
    store.previews.restore(teamId, interceptId, max);
/** A person removes what another one restores or what already exists; expired previews end the same way. */
export const removeRestored: Operation = async ({ store, teamId, removed: { interceptId } }) => {
  const { items } = await store.previews.list(teamId, { interceptId }, { limit: 10 });
  for (const { id } of items) await store.previews.remove(teamId, id);
};
export const removeIntercept: Operation = ({ store, teamId, removed: { interceptId } }) =>
  store.intercepts.remove(teamId, interceptId);
export const removeTrafficManager: Operation = ({ store, teamId, removed: { trafficManagerId } }) =>
  store.trafficManagers.remove(teamId, trafficManagerId);

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
