/**
 * What the rules need from storage. Every method that touches a team's data takes the team's id first and sees
 * nothing of any other team; the exceptions look up by a secret's hash or by hostname and say so.
 */
import type {
  PreviewAccess,
  PullRequestCommentStatus,
  Role,
  Scope,
  SessionState,
  TunnelKind,
} from '@culvert/terms';
import type { ApiKey, ApiKeyDraft } from './api-key.js';
import type { AuditEvent, AuditEventDraft, AuditEventFilter, AuditedThing } from './audit-event.js';
import type { Authority, Making } from './authority.js';
import type { ConnectionEvent, ConnectionEventDraft } from './connection-event.js';
import type { Intercept, InterceptDraft } from './intercept.js';
import type { MemberCredential } from './member-credential.js';
import type {
  AccessTokenOwner,
  IssuedTokens,
  Program,
  ProgramDraft,
  ProgramInTeam,
  PendingCode,
  RefreshableProgram,
} from './program.js';
import type { PullRequestComment } from './pull-request-comment.js';
import type {
  PreviewToken,
  PreviewTokenDraft,
  PreviewVisit,
  ShareLink,
  ShareLinkDraft,
  VisitLimits,
} from './preview-access.js';
import type { TrafficDraft, TrafficMinute, TrafficStep } from './preview-traffic.js';
import type { EndedPreview, Ingress, Preview, PreviewChange, PreviewDraft } from './preview.js';
import type {
  InterceptPreviews,
  PreviewRequest,
  PreviewRequestRefusal,
  RequestedPreview,
} from './requested-preview.js';
import type { Session, SessionLoad, SessionRef, ShownSession, TunnelCredential } from './session.js';
import type { Invitation, InvitationDraft, Member, Membership, Team, TeamChange, User } from './team.js';
import type { ManagerIdentity, TrafficManager } from './traffic-manager.js';
import type { SignedInUser, UserSession, UserSessionDraft } from './user-session.js';

/** A slice of a list, newest first. */
export interface PageRequest {
  /** Most items to return, 1 to 200. */
  readonly limit: number;
  /** Where the page before ended, as its `nextCursor` said; absent for the first page. */
  readonly cursor?: string | undefined;
}

export interface Page<T> {
  readonly items: T[];
  /** Opaque; null on the last page. */
  readonly nextCursor: string | null;
}

export interface TeamRepository {
  create(name: string): Promise<Team>;
  /**
   * A team with its first owner.
   * @throws TeamLimitError when the person is a member of `maxTeams` already; of two at once neither is one over
   */
  createWithOwner(name: string, userId: string, maxTeams: number): Promise<Team>;
  /** The oldest: what the first start of the deployment created. */
  findFirst(): Promise<Team | null>;
  find(teamId: string): Promise<Team | null>;
  update(teamId: string, change: TeamChange): Promise<Team | null>;
  /** What it has of everything that is limited: living sessions, usable keys, members, previews. */
  usage(teamId: string, now: Date): Promise<TeamUsage>;
  /**
   * Adds how many requests of each team's previews an edge has forwarded since it last did this, a minute ago. Teams
   * that do not exist are passed over.
   */
  recordRequests(countsByTeam: ReadonlyMap<string, number>, at: Date): Promise<void>;
}

export interface TeamUsage {
  readonly previews: number;
  readonly sessions: number;
  readonly apiKeys: number;
  readonly members: number;
  readonly invitations: number;
  /** Of its previews, through all edges, in the last whole minute that they wrote down. */
  readonly previewRequestsPerMinute: number;
}

/** What became of a change of someone's membership. */
export type MembershipOutcome =
  | {
      readonly ok: true;
      readonly before: Member;
      /** Null: they are no member any more. */
      readonly after: Member | null;
      /** Keys of theirs that were revoked because they permit more than the new role, and the keys that those made. */
      readonly revokedApiKeyIds: readonly string[];
    }
  | { readonly ok: false; readonly reason: 'not_found' | 'not_permitted' | 'last_owner' };

export interface MembershipChange {
  /** Null: leave. */
  readonly role: Role | null;
  /** Who changes it; `self`: the person, who may only leave or step down. */
  readonly by: Authority | 'self';
  readonly at: Date;
}

export interface AuthorityRepository {
  /**
   * For what takes long and is not written by the store.
   * @throws AuthorityLostError when the credential no longer permits one of `needs`
   */
  demand(teamId: string, by: Authority, needs: readonly Scope[]): Promise<void>;
}

export interface MemberRepository {
  /** All of them, by when they joined. */
  list(teamId: string): Promise<Member[]>;
  find(teamId: string, userId: string): Promise<Member | null>;
  /**
   * Changes of one team wait for each other, so that of two owners that leave at once one stays, and of two that remove
   * each other as well.
   * @throws AuthorityLostError when the credential that changes it no longer permits it
   */
  change(teamId: string, userId: string, change: MembershipChange): Promise<MembershipOutcome>;
}

/** Everything that was made by the power of one person in a team and still works, whether or not they are a member. */
export interface MemberCredentialRepository {
  /** Newest first, at most `max`. */
  list(teamId: string, userId: string, now: Date, max: number): Promise<MemberCredential[]>;
  /**
   * Ends all of it. Returns what it ended, and the keys that were revoked: the person's and those that they made.
   * @throws AuthorityLostError when the caller may not remove this member
   */
  end(
    teamId: string,
    userId: string,
    by: Authority,
    at: Date,
  ): Promise<{ readonly ended: MemberCredential[]; readonly revokedApiKeyIds: string[] }>;
}

export interface InvitationRepository {
  /**
   * Null when the address has one already; `member` when it is a member's.
   * @throws TeamLimitError when there are `making.max` already
   * @throws AuthorityLostError when the inviter may no longer invite, or not as this role
   */
  create(teamId: string, draft: InvitationDraft, making: Making): Promise<Invitation | 'member' | null>;
  find(teamId: string, id: string): Promise<Invitation | null>;
  list(teamId: string, page: PageRequest): Promise<Page<Invitation>>;
  /**
   * Gives it a new token, which makes the old one worthless. It counts as made by whoever renewed it last.
   * @throws AuthorityLostError as for `create`
   */
  renew(
    teamId: string,
    id: string,
    renewal: Pick<InvitationDraft, 'tokenHash' | 'expiresAt'>,
    by: Authority,
  ): Promise<Invitation | null>;
  remove(teamId: string, id: string): Promise<Invitation | null>;
  /** Across teams: the token is the proof. Finds expired ones too. */
  findByTokenHash(tokenHash: string): Promise<{ invitation: Invitation; team: Team } | null>;
  /**
   * Makes `userId` a member and uses the invitation up. Null when it is gone, has expired, or is for another address
   * than theirs. Who is a member already keeps their role.
   * @throws TeamLimitError when the team has `maxMembers`, or the person `maxTeams`
   */
  accept(
    tokenHash: string,
    userId: string,
    options: { readonly now: Date; readonly maxMembers: number; readonly maxTeams: number },
  ): Promise<{ invitation: Invitation; membership: Membership } | null>;
  /**
   * The same for the invited address itself, with this password: for a person who has no account yet. The address counts
   * as unverified. Null as with `accept`, `has_account` when somebody can sign in with the address already.
   * @throws TeamLimitError when the team has `maxMembers`
   */
  acceptAsNewUser(
    tokenHash: string,
    passwordHash: string,
    options: { readonly now: Date; readonly maxMembers: number },
  ): Promise<{ user: User; invitation: Invitation; membership: Membership } | 'has_account' | null>;
}

/** Keys that a rotation or revocation ended now: the key it named, unless that had ended before, and those it made. */
interface EndedKeys {
  readonly apiKey: ApiKey;
  readonly revokedApiKeyIds: readonly string[];
}

export interface ApiKeyRepository {
  /**
   * A key made by a caller has the caller's person and, if a key makes it, ends no later than that key. Without `making`
   * it is the operator's, and not counted: for the first start of a deployment.
   * @throws TeamLimitError when the team has `making.max` usable ones
   * @throws AuthorityLostError when the caller may no longer make keys, or lacks one of the scopes
   */
  create(teamId: string, draft: ApiKeyDraft, making?: Making): Promise<ApiKey>;
  /**
   * Makes a key that takes the place of another. That key, and every key it made, expires at `oldExpiresAt` unless it
   * does so earlier; if that is not in the future, they are revoked. The new key is the caller's. A key that rotates
   * itself hands on the key that made it; it cannot rotate a key that made it (`maker`). Null when the old key is gone,
   * revoked, expired or replaced already.
   * @throws TeamLimitError when the team would have more than `making.max` usable ones
   * @throws AuthorityLostError when the caller may no longer make keys, or lacks a scope of the old key
   */
  replace(
    teamId: string,
    id: string,
    draft: Omit<ApiKeyDraft, 'scopes'>,
    options: { readonly oldExpiresAt: Date; readonly now: Date } & Making,
  ): Promise<EndedKeys | 'maker' | null>;
  find(teamId: string, id: string): Promise<ApiKey | null>;
  /**
   * Across teams: the secret is the proof. Finds revoked and expired keys too, but none whose maker is not a member of
   * the team. Returns only those scopes that the maker's role permits.
   */
  findByHash(hash: string): Promise<ApiKey | null>;
  /** Across teams, for the edge: which of these keys are revoked, expired or gone, or have a maker who is not a member. */
  findUnusable(ids: readonly string[], now: Date): Promise<string[]>;
  list(teamId: string, page: PageRequest): Promise<Page<ApiKey>>;
  rename(teamId: string, id: string, name: string): Promise<ApiKey | null>;
  /** Revokes a key and every key it made. Idempotent: a revoked key keeps its first date. Null when it is gone. */
  revoke(teamId: string, id: string, at: Date): Promise<EndedKeys | null>;
  /** Across teams: every key with the power of this person. Returns those that were not revoked before. */
  revokeAllOf(userId: string, at: Date): Promise<{ readonly id: string; readonly teamId: string }[]>;
  recordUse(id: string, at: Date, address?: string | null): Promise<void>;
  /** Across teams, for the edge: these keys, as far as they were used before `unlessSince`, are in use at `at`. */
  prolongUse(ids: readonly string[], at: Date, unlessSince: Date): Promise<void>;
}

export interface TrafficManagerRepository {
  /** Null when the team already has one of this manager id. */
  create(teamId: string, identity: ManagerIdentity): Promise<TrafficManager | null>;
  find(teamId: string, id: string): Promise<TrafficManager | null>;
  list(teamId: string, page: PageRequest): Promise<Page<TrafficManager>>;
  /** Newest first, at most `max`, without workstations (`WORKSTATION_PREFIX`). */
  listClusters(teamId: string, max: number): Promise<TrafficManager[]>;
  rename(teamId: string, id: string, name: string): Promise<TrafficManager | null>;
  /** Removes it with its sessions, intercepts and previews; returns the hostnames that ended, or null. */
  remove(teamId: string, id: string): Promise<string[] | null>;
}

/** What an edge knows when a traffic manager registers. */
export interface SessionRegistration {
  readonly identity: ManagerIdentity;
  readonly kind: TunnelKind;
  readonly credential: TunnelCredential;
  readonly edgeId: string;
  readonly remoteAddress: string;
  readonly at: Date;
  /** Living sessions that the team may have; absent: any number. */
  readonly maxSessions?: number;
}

export interface SessionRepository {
  /**
   * Creates the traffic manager when it is new, then resumes its session of this kind that has not ended, or
   * begins one. Atomic: of two edges registering the same manager at once both get the same session. A program that
   * has ended meanwhile is none of the session's: whoever registers looks whether its credential is still good.
   * @throws TeamLimitError when the team has `maxSessions` and none of them can be resumed
   */
  register(
    teamId: string,
    registration: SessionRegistration,
  ): Promise<{ session: Session; resumed: boolean }>;
  find(teamId: string, id: string): Promise<ShownSession | null>;
  list(
    teamId: string,
    filter: { readonly trafficManagerId?: string | undefined; readonly state?: SessionState | undefined },
    page: PageRequest,
  ): Promise<Page<ShownSession>>;
  /**
   * Called by the edge that holds the session: tunnels open now; 0 marks it disconnected. Of an ended one only the
   * bytes count.
   */
  setTunnelCount(id: string, tunnelCount: number, load: SessionLoad, at: Date): Promise<void>;
  /** Called by an edge for all sessions it holds. Returns those whose load was taken; the others' is to be told again. */
  heartbeat(loads: ReadonlyMap<string, SessionLoad>, at: Date): Promise<string[]>;
  /** Called by an edge: which of these sessions have ended or are gone, whoever did it. */
  findEnded(ids: readonly string[]): Promise<string[]>;
  /** Ends for good. Null when the team has no such session; idempotent otherwise. */
  end(teamId: string, id: string, reason: string, at: Date): Promise<ShownSession | null>;
  /** Ends every session, of any team, without a heartbeat since `staleBefore`. Returns which. */
  endStale(staleBefore: Date, at: Date): Promise<SessionRef[]>;
}

/** The history of traffic managers' tunnels and sessions. The end of a session is written with the end itself. */
export interface ConnectionEventRepository {
  /** Called by an edge, of any teams. Leaves out what hangs on a traffic manager that is gone. */
  append(drafts: readonly ConnectionEventDraft[]): Promise<void>;
  /** Of one traffic manager (by its id), newest first. */
  list(teamId: string, trafficManagerId: string, page: PageRequest): Promise<Page<ConnectionEvent>>;
  /** Removes events of any team from before this, at most `max` of them. Returns how many. */
  removeBefore(before: Date, max: number): Promise<number>;
}

export interface InterceptRepository {
  /** `id` is `<uuid>:<name>`. Null when the team has no such traffic manager. */
  create(teamId: string, id: string, draft: InterceptDraft): Promise<Intercept | null>;
  find(teamId: string, id: string): Promise<Intercept | null>;
  /** Those of the team that there are, in no order. */
  findMany(teamId: string, ids: readonly string[]): Promise<Intercept[]>;
  list(
    teamId: string,
    filter: { readonly trafficManagerId?: string | undefined },
    page: PageRequest,
  ): Promise<Page<Intercept>>;
  update(
    teamId: string,
    id: string,
    change: Partial<Omit<InterceptDraft, 'trafficManagerId'>>,
  ): Promise<Intercept | null>;
  /** Removes it with its previews; returns the hostnames that ended, or null. */
  remove(teamId: string, id: string): Promise<string[] | null>;
}

/** What the edge needs to forward a request, and nothing more. */
export type PreviewRoute = Pick<
  Preview,
  | 'id'
  | 'teamId'
  | 'hostname'
  | 'interceptId'
  | 'trafficManagerId'
  | 'ingress'
  | 'access'
  | 'addRequestHeaders'
  | 'allowUpgrades'
  | 'expiresAt'
> & {
  /** What the banner on its pages says; null: pages stay as they are. */
  readonly banner:
    | (Pick<Intercept, 'workload' | 'namespace' | 'client'> & Pick<Preview, 'pullRequestUrl'>)
    | null;
};

/** What decides who may open a preview. */
export type PreviewAccessRules = Pick<
  Preview,
  'id' | 'teamId' | 'hostname' | 'access' | 'allowedEmails' | 'allowedDomains' | 'expiresAt'
>;

/** Which previews: those that have all that is given. */
export interface PreviewFilter {
  readonly trafficManagerId?: string | undefined;
  readonly interceptId?: string | undefined;
  /** In the hostname, the pull request URL, or the intercept's name, workload, namespace or client; case is ignored. */
  readonly search?: string | undefined;
  /** Whether their traffic manager is connected. */
  readonly isConnected?: boolean | undefined;
  readonly access?: PreviewAccess | undefined;
  /** Of the intercept, exactly. */
  readonly workload?: string | undefined;
  /** Of the intercept, exactly. */
  readonly client?: string | undefined;
}

export interface PreviewRepository {
  /**
   * Null when the team has no such intercept.
   * @throws HostnameTakenError when the hostname is in use
   * @throws TeamLimitError when the team has `maxPreviews`; of two at once neither is one over
   */
  create(teamId: string, draft: PreviewDraft, maxPreviews?: number): Promise<Preview | null>;
  /** Creates an intercept and its preview, both or neither. Null when there is no such traffic manager. */
  createWithIntercept(
    teamId: string,
    interceptId: string,
    intercept: InterceptDraft,
    draft: Omit<PreviewDraft, 'interceptId'>,
    maxPreviews?: number,
  ): Promise<Preview | null>;
  find(teamId: string, id: string): Promise<Preview | null>;
  /** Across teams: who may open what lives at this hostname. Finds expired previews too. */
  findAccess(hostname: string): Promise<PreviewAccessRules | null>;
  /** Across teams: the hostname is what a visitor presents. Finds expired previews too. */
  findRoute(hostname: string): Promise<PreviewRoute | null>;
  list(teamId: string, filter: PreviewFilter, page: PageRequest): Promise<Page<Preview>>;
  count(teamId: string): Promise<number>;
  update(teamId: string, id: string, change: PreviewChange): Promise<Preview | null>;
  /** A preview whose hostname was given to a traffic manager stays with its intercept as `removedPreview`. */
  remove(teamId: string, id: string): Promise<Preview | null>;
  /**
   * Brings the `removedPreview` of an intercept back, with its hostname and settings, and without expiry, share links
   * and tokens. Null when there is none.
   * @throws HostnameTakenError when another intercept has the hostname now
   * @throws TeamLimitError when the team has `maxPreviews`
   */
  restore(teamId: string, interceptId: string, maxPreviews: number): Promise<Preview | null>;
  /** Called by an edge: these previews have been used. */
  recordUse(ids: readonly string[], at: Date): Promise<void>;
  /**
   * Removes previews of any team that have expired, were unused for too long, or end with a session that has ended; at most
   * `max` of them.
   */
  removeEnded(now: Date, max: number): Promise<EndedPreview[]>;
}

/** Across teams: comments are written by the deployment. */
export interface PullRequestCommentRepository {
  /**
   * Compares comments with previews: begins those that are missing, and has those say something new whose preview
   * changed, ended or came back. Forgets those that told the end of a preview that is gone.
   */
  reconcile(now: Date): Promise<void>;
  /** Comments to be written now, oldest first. Nobody else gets them until `leaseMs` later. */
  claimDue(now: Date, leaseMs: number, limit: number): Promise<PullRequestComment[]>;
  /** The forge shows `revision`. `comment` is null when there is none any more. */
  recordPublished(
    id: string,
    published: {
      readonly revision: number;
      readonly comment: { readonly id: string; readonly url: string } | null;
      readonly at: Date;
    },
  ): Promise<void>;
  recordFailure(
    id: string,
    failure: {
      readonly status: Exclude<PullRequestCommentStatus, 'posted'>;
      readonly detail: string;
      readonly nextAttemptAt: Date;
      readonly at: Date;
    },
  ): Promise<void>;
  /** Has everything that is not posted tried again at once, as after a change of settings. */
  retryAll(now: Date): Promise<void>;
  /** Of one team, by preview. */
  findByPreviews(teamId: string, previewIds: readonly string[]): Promise<PullRequestComment[]>;
}

/** Share links and machine tokens: the same but for their type. */
export interface PreviewCredentialRepository<Credential, Draft> {
  /**
   * Null when the team has no such preview.
   * @throws TeamLimitError when the preview has `making.max` usable ones
   * @throws AuthorityLostError when the caller may no longer change previews
   */
  create(teamId: string, previewId: string, draft: Draft, making: Making): Promise<Credential | null>;
  list(teamId: string, previewId: string, page: PageRequest): Promise<Page<Credential>>;
  /** Idempotent: what is revoked keeps its first date. Null when the preview has no such credential. */
  revoke(teamId: string, previewId: string, id: string, at: Date): Promise<Credential | null>;
  /** Across teams: the secret is the proof. Null when it is unknown, revoked or expired. */
  findUsable(hash: string, now: Date): Promise<Credential | null>;
}

export type ShareLinkRepository = PreviewCredentialRepository<ShareLink, ShareLinkDraft>;
export type PreviewTokenRepository = PreviewCredentialRepository<PreviewToken, PreviewTokenDraft>;

/** One-time, for one preview and the browser that holds the nonce. Hashes are SHA-256, lower-case hex. */
export interface AccessCodeDraft {
  readonly hash: string;
  readonly teamId: string;
  readonly previewId: string;
  readonly nonceHash: string;
  readonly userId: string;
  readonly userSessionId: string;
  readonly expiresAt: Date;
}

/** What a visit begins as: with the person's web session, or with a share link. */
export interface PreviewVisitDraft {
  readonly hash: string;
  readonly teamId: string;
  readonly previewId: string;
  readonly admittedBy:
    | { readonly userId: string; readonly userSessionId: string }
    | { readonly shareLinkId: string };
  readonly expiresAt: Date;
}

/** `gone`: what the visit hangs on is. `link_full`, `preview_full`: a limit for its share link, or for who is no member. */
export type VisitOutcome = 'created' | 'gone' | 'link_full' | 'preview_full';

/** Browsers in previews. Across teams where a secret is the proof. */
export interface PreviewVisitRepository {
  /** False when what it hangs on is gone. */
  createCode(draft: AccessCodeDraft): Promise<boolean>;
  /** Uses it up: of two who show the same code one gets it. Null when it is unknown, used or expired. */
  takeCode(hash: string, now: Date): Promise<Omit<AccessCodeDraft, 'hash' | 'expiresAt'> | null>;
  /** Visits of links that were revoked count for no limit. */
  create(draft: PreviewVisitDraft, limits: VisitLimits, now: Date): Promise<VisitOutcome>;
  /**
   * The visit of this cookie if it may go on now: not over, its share link good, or its web session alive and its
   * person still a member or allowed. Null otherwise.
   */
  findUsable(hash: string, now: Date): Promise<PreviewVisit | null>;
  /** Removes visits and codes that are over. Returns how many. */
  removeExpired(now: Date): Promise<number>;
}

/** Previews that traffic managers ask for themselves, as Telepresence's do. */
export interface RequestedPreviewRepository {
  /**
   * Creates or refreshes the traffic manager, the intercept and its preview, all or nothing. The hostname that the
   * same client, workload, namespace and name of the team had within `HOSTNAME_MEMORY_MS` comes back (however old that
   * of a `removedPreview` of the intercept is), also from a
   * preview of a traffic manager that is not connected any more, which ends then; never one that lives elsewhere.
   * Throws HostnameTakenError when the new hostname is in use.
   */
  open(teamId: string, request: PreviewRequest): Promise<RequestedPreview | PreviewRequestRefusal>;
  /**
   * Removes the preview of this hostname if it is one of this traffic manager's, and was not changed or asked for again
   * after `calledAt`; null otherwise.
   */
  close(teamId: string, managerId: string, hostname: string, calledAt: Date): Promise<Preview | null>;
  /**
   * Removes an intercept of this traffic manager with its previews, unless it was changed or asked for again after
   * `calledAt`; returns them, or null.
   */
  closeIntercept(
    teamId: string,
    managerId: string,
    interceptId: string,
    calledAt: Date,
  ): Promise<InterceptPreviews | null>;
  /** Everything that one traffic manager (by its id) intercepts. */
  list(teamId: string, trafficManagerId: string): Promise<InterceptPreviews[]>;
  /** The ingress of the newest preview for a service of the team. */
  findIngress(teamId: string, namespace: string, serviceName: string): Promise<Ingress | null>;
  /** Across teams: traffic managers of this kind not seen since `seenBefore`. At most 100. */
  findAbandoned(
    kind: TunnelKind,
    seenBefore: Date,
  ): Promise<{ readonly teamId: string; readonly id: string }[]>;
  /** Drops the `removedPreview` of an intercept, if it has this hostname. Reports whether there was one. */
  dropRemoved(teamId: string, interceptId: string, hostname: string): Promise<boolean>;
  /**
   * Forgets hostnames, of any team, that are free since before this and are not those of a `removedPreview`. Returns how
   * many.
   */
  forgetHostnames(freeBefore: Date): Promise<number>;
}

/** What previews are sent and answer, by the minute. */
export interface PreviewTrafficRepository {
  /** Called by an edge, of any teams: adds to what there is. Leaves out previews that are gone. */
  add(drafts: readonly TrafficDraft[]): Promise<void>;
  /** Of one preview since this minute, oldest first; minutes without traffic are left out. */
  ofPreview(teamId: string, previewId: string, from: Date): Promise<TrafficMinute[]>;
  /** Of the `maxPreviews` previews with the most requests since `from`, in steps of so many seconds. */
  ofTeam(
    teamId: string,
    options: { readonly from: Date; readonly stepSeconds: number; readonly maxPreviews: number },
  ): Promise<TrafficStep[]>;
  /** Removes traffic of any team from before this, at most `max` rows. Returns how many. */
  removeBefore(before: Date, max: number): Promise<number>;
}

export interface AuditEventRepository {
  append(draft: AuditEventDraft): Promise<Pick<AuditEvent, 'id'>>;
  list(teamId: string, page: PageRequest, filter?: AuditEventFilter): Promise<Page<AuditEvent>>;
  /** Those of these things that the team still has. */
  findExisting(teamId: string, things: readonly AuditedThing[]): Promise<AuditedThing[]>;
}

/** What the first start of a deployment creates. */
export interface BootstrapDraft {
  readonly teamName: string;
  readonly email: string;
  /** Argon2id PHC string. */
  readonly passwordHash: string;
  readonly apiKey: ApiKeyDraft;
}

export interface BootstrapRepository {
  /** Creates team, owner and key in one transaction; null, and nothing, when a team already exists. */
  createFirst(draft: BootstrapDraft): Promise<{ team: Team; owner: User; apiKey: ApiKey } | null>;
}

/** A person, and whether and how they sign in with a password. Never leaves the part that checks passwords. */
export type UserWithPassword = User & { readonly passwordHash: string | null };

/** A person as an identity provider knows them. */
export interface IdentityDraft {
  readonly issuer: string;
  readonly subject: string;
  /** Lower-case, and proved to the provider. */
  readonly email: string;
  readonly name: string;
}

export interface SignInMethods {
  readonly hasPassword: boolean;
  /** Where they are known, and since when. */
  readonly providers: readonly { readonly issuer: string; readonly createdAt: Date }[];
}

export interface UserRepository {
  find(id: string): Promise<User | null>;
  /** Across teams: an email address names one person. */
  findByEmail(email: string): Promise<UserWithPassword | null>;
  findWithPassword(id: string): Promise<UserWithPassword | null>;
  /** The person of this email address, who becomes known by it now if they were not. */
  findOrCreate(email: string, name: string): Promise<User>;
  /** Whether somebody can sign in with this address, or is a member of a team by it. */
  hasAccount(email: string): Promise<boolean>;
  /** False when there is no such person. */
  setPasswordHash(id: string, passwordHash: string): Promise<boolean>;
  /** Changes a password from one hash to another. False when the person has another one now. */
  replacePasswordHash(id: string, change: { readonly from: string; readonly to: string }): Promise<boolean>;
  /**
   * The person whom a provider knows by this subject: whoever came with it before, else the one of this email
   * address, else a new one. The provider has verified the address: when it was unverified until now, its password and
   * all that was opened by it end, and `isTakenOver` is true.
   */
  findOrCreateByIdentity(
    draft: IdentityDraft,
  ): Promise<{ readonly user: User; readonly isTakenOver: boolean }>;
  /** How the person can sign in; providers by when they were first used. Null when there is no such person. */
  findSignInMethods(id: string): Promise<SignInMethods | null>;
  /** Oldest first. */
  memberships(userId: string): Promise<Membership[]>;
  setRole(teamId: string, userId: string, role: Role): Promise<Membership | null>;
  /** Makes a member of them. Null when they are one already, whose role stays, or there is no such team or person. */
  addMembership(teamId: string, userId: string, role: Role): Promise<Membership | null>;
}

/** Across teams: a person signs in once for all of theirs. */
export interface UserSessionRepository {
  create(draft: UserSessionDraft): Promise<UserSession>;
  /** For a person who showed the password of this hash. Null when they have another one now. */
  createByPassword(draft: UserSessionDraft, passwordHash: string): Promise<UserSession | null>;
  /** The token is the proof. Finds expired sessions too. */
  findByTokenHash(tokenHash: string): Promise<SignedInUser | null>;
  /** Newest first. */
  list(userId: string, page: PageRequest): Promise<Page<UserSession>>;
  recordUse(id: string, at: Date): Promise<void>;
  /** False when the person has no such session. */
  remove(userId: string, id: string): Promise<boolean>;
  /** Ends all sessions of a person but one. Returns how many. */
  removeAll(userId: string, options?: { readonly exceptId?: string | undefined }): Promise<number>;
  /** Returns how many. */
  removeExpired(now: Date): Promise<number>;
}

export interface PasswordResetRepository {
  /** Takes the place of any that the person has. */
  create(draft: {
    readonly userId: string;
    readonly tokenHash: string;
    readonly expiresAt: Date;
  }): Promise<void>;
  /** Whose password this sets; null when it is unknown, used or expired. */
  find(tokenHash: string, now: Date): Promise<User | null>;
  /**
   * Uses it up: sets the password and ends every session of the person. Null, and nothing, when it is unknown, used
   * or expired.
   */
  redeem(tokenHash: string, passwordHash: string, now: Date): Promise<User | null>;
  /** Returns how many. */
  removeExpired(now: Date): Promise<number>;
}

/** What people allowed programs on their machines, by codes and tokens of which only hashes are kept. */
export interface ProgramRepository {
  /** Null when the person is no member of the team. */
  create(teamId: string, draft: ProgramDraft): Promise<Program | null>;
  /** Across teams: the code is the proof. Finds used and expired codes too. */
  findByCodeHash(codeHash: string): Promise<PendingCode | null>;
  /** Uses up a code and stores the first tokens. False, and nothing, when the code was used already. */
  exchangeCode(teamId: string, programId: string, tokens: IssuedTokens, at: Date): Promise<boolean>;
  /** Across teams: the token is the proof. Finds expired and superseded tokens too. */
  findByRefreshTokenHash(hash: string): Promise<RefreshableProgram | null>;
  /** Stores the tokens that the refresh token of this hash was exchanged for. False, and nothing, when it is gone. */
  refresh(teamId: string, refreshTokenHash: string, tokens: IssuedTokens, at: Date): Promise<boolean>;
  /** Across teams: the token is the proof. Null when it is unknown, expired or revoked, or its person left the team. */
  findByAccessTokenHash(hash: string, now: Date): Promise<AccessTokenOwner | null>;
  /** Across teams, for the edge: those of these programs that are alive, with what their person is in the team. */
  findAlive(
    ids: readonly string[],
    now: Date,
  ): Promise<{ readonly id: string; readonly clientId: string; readonly role: Role }[]>;
  /** Across teams, all of a person's that are alive. Newest first; those whose code was never used are left out. */
  list(userId: string, page: PageRequest, now: Date): Promise<Page<ProgramInTeam>>;
  /** Across teams: removes every program of a person, with its tokens. Returns them. */
  revokeAll(userId: string): Promise<Program[]>;
  /** Removes it with its tokens. Null when the person has no such program. */
  revoke(userId: string, id: string): Promise<Program | null>;
  /** Removes programs and tokens, of any team, that stopped working before `now`. Returns how many programs. */
  removeExpired(now: Date): Promise<number>;
}

/** All repositories of one database. */
export interface Repositories {
  readonly teams: TeamRepository;
  readonly authorities: AuthorityRepository;
  readonly members: MemberRepository;
  readonly memberCredentials: MemberCredentialRepository;
  readonly invitations: InvitationRepository;
  readonly users: UserRepository;
  readonly userSessions: UserSessionRepository;
  readonly passwordResets: PasswordResetRepository;
  readonly apiKeys: ApiKeyRepository;
  readonly trafficManagers: TrafficManagerRepository;
  readonly sessions: SessionRepository;
  readonly connectionEvents: ConnectionEventRepository;
  readonly intercepts: InterceptRepository;
  readonly previews: PreviewRepository;
  readonly programs: ProgramRepository;
  readonly pullRequestComments: PullRequestCommentRepository;
  readonly shareLinks: ShareLinkRepository;
  readonly previewTokens: PreviewTokenRepository;
  readonly previewVisits: PreviewVisitRepository;
  readonly requestedPreviews: RequestedPreviewRepository;
  readonly previewTraffic: PreviewTrafficRepository;
  readonly auditEvents: AuditEventRepository;
  readonly bootstrap: BootstrapRepository;
}

/** What is called on it rejects with StoreUnavailableError within five seconds when the database does not answer. */
export interface Store extends Repositories {
  /** The same for work that no caller waits for: statements may take a minute, and take no connection from callers. */
  readonly background: Repositories;
  /** Resolves when the database answers; rejects otherwise. For readiness probes. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
