export {
  AUDIT_ACTIONS,
  type AuditAction,
  type Change,
  type ChangedResource,
  CONNECTION_CHANGES,
  CONNECTION_REASONS,
  type ConnectionChange,
  type ConnectionReason,
  type Disposition,
  DISPOSITIONS,
  type IngressProtocol,
  type MemberCredentialKind,
  NEVER_KEPT_FIELDS,
  type PreviewAccess,
  type PullRequestCommentStatus,
  type Role,
  ROLES,
  type Scope,
  SCOPES,
  type SessionState,
  TUNNEL_KINDS,
  type TunnelKind,
  WORKLOAD_PLATFORMS,
  WORKLOAD_SCOPES,
  type WorkloadPlatform,
  WEBHOOK_EVENTS,
  WEBHOOK_TEST,
  type WebhookDisabledReason,
  type WebhookEvent,
  WORKSTATION_PREFIX,
} from '@culvert/terms';
export * from './announcing.js';
export * from './api-key.js';
export * from './api-key.repository.js';
export * from './audit-event.js';
export * from './audit-event.repository.js';
export * from './audit-log.js';
export * from './authority.js';
export * from './authority.repository.js';
export * from './bootstrap.repository.js';
export * from './claim-pattern.js';
export * from './connection-event.js';
export * from './connection-event.repository.js';
export * from './old-records.repository.js';
export * from './device-authorization.js';
export * from './device-authorization.repository.js';
export * from './edge.js';
export * from './edge.repository.js';
export * from './errors.js';
export * from './hostname.js';
export * from './intercept.js';
export * from './intercept.repository.js';
export * from './invitation.repository.js';
export * from './keeping.js';
export * from './kept-exchange.js';
export * from './kept-exchange.repository.js';
export * from './member-credential.js';
export * from './member-credential.repository.js';
export * from './member.repository.js';
export * from './page.js';
export * from './password-reset.repository.js';
export * from './preview-access.js';
export * from './preview-access.repository.js';
export * from './preview-traffic.js';
export * from './preview-traffic.repository.js';
export * from './preview.js';
export * from './preview.repository.js';
export * from './program.js';
export * from './program.repository.js';
export * from './pull-request-comment.js';
export * from './pull-request-comment.repository.js';
export * from './requested-preview.js';
export * from './requested-preview.repository.js';
export * from './resource-change.js';
export * from './role-scopes.js';
export * from './secret-prefixes.js';
export * from './secret.js';
export * from './session.js';
export * from './session.repository.js';
export * from './store.js';
export * from './team.js';
export * from './team.repository.js';
export * from './traffic-manager.js';
export * from './traffic-manager.repository.js';
export * from './tunnel.js';
export * from './tunnel.repository.js';
export * from './user-session.js';
export * from './user-session.repository.js';
export * from './user.repository.js';
export * from './workload-identity.js';
export * from './workload-identity.repository.js';
export * from './webhook.js';
export * from './webhook.repository.js';
export * from './webhook-event.js';
