/**
 * Storage that the rules need. Every method for a team's data takes the team's ID first and sees nothing of other
 * teams; the exceptions look up by a secret's hash or by hostname, and their comments begin with "Across teams".
 */
import type { ApiKeyRepository } from './api-key.repository.js';
import type { AuditEventRepository } from './audit-event.repository.js';
import type { AuthorityRepository } from './authority.repository.js';
import type { BootstrapRepository } from './bootstrap.repository.js';
import type { OldRecordsRepository } from './old-records.repository.js';
import type { ConnectionEventRepository } from './connection-event.repository.js';
import type { DeviceAuthorizationRepository } from './device-authorization.repository.js';
import type { EdgeRepository } from './edge.repository.js';
import type { InterceptRepository } from './intercept.repository.js';
import type { InvitationRepository } from './invitation.repository.js';
import type { KeptExchangeRepository } from './kept-exchange.repository.js';
import type { MemberCredentialRepository } from './member-credential.repository.js';
import type { MemberRepository } from './member.repository.js';
import type { PasswordResetRepository } from './password-reset.repository.js';
import type {
  PreviewTokenRepository,
  PreviewVisitRepository,
  ShareLinkRepository,
} from './preview-access.repository.js';
import type { PreviewTrafficRepository } from './preview-traffic.repository.js';
import type { PreviewRepository } from './preview.repository.js';
import type { ProgramRepository } from './program.repository.js';
import type { PullRequestCommentRepository } from './pull-request-comment.repository.js';
import type { RequestedPreviewRepository } from './requested-preview.repository.js';
import type { SessionRepository } from './session.repository.js';
import type { TeamRepository } from './team.repository.js';
import type { TrafficManagerRepository } from './traffic-manager.repository.js';
import type { TunnelRepository } from './tunnel.repository.js';
import type { UserSessionRepository } from './user-session.repository.js';
import type { UserRepository } from './user.repository.js';
import type { WorkloadIdentityRepository } from './workload-identity.repository.js';
import type { WebhookRepository } from './webhook.repository.js';

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
  readonly edges: EdgeRepository;
  readonly tunnels: TunnelRepository;
  readonly connectionEvents: ConnectionEventRepository;
  readonly intercepts: InterceptRepository;
  readonly previews: PreviewRepository;
  readonly programs: ProgramRepository;
  readonly deviceAuthorizations: DeviceAuthorizationRepository;
  readonly pullRequestComments: PullRequestCommentRepository;
  readonly shareLinks: ShareLinkRepository;
  readonly previewTokens: PreviewTokenRepository;
  readonly previewVisits: PreviewVisitRepository;
  readonly requestedPreviews: RequestedPreviewRepository;
  readonly previewTraffic: PreviewTrafficRepository;
  readonly keptExchanges: KeptExchangeRepository;
  readonly auditEvents: AuditEventRepository;
  readonly oldRecords: OldRecordsRepository;
  readonly workloadIdentities: WorkloadIdentityRepository;
  readonly webhooks: WebhookRepository;
  readonly bootstrap: BootstrapRepository;
}

/** Calls reject with StoreUnavailableError within five seconds if the database does not answer. */
export interface Store extends Repositories {
  /**
   * The same repositories for work without a waiting caller: statements can take a minute, and use no connection of
   * callers.
   */
  readonly background: Repositories;
  /** Resolves when the database answers; rejects otherwise. For readiness probes. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
