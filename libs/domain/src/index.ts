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
  type PreviewAccess,
  type PullRequestCommentStatus,
  type Role,
  ROLES,
  type Scope as ApiKeyScope,
  SCOPES as API_KEY_SCOPES,
  type SessionState,
  TUNNEL_KINDS,
  type TunnelKind,
} from '@culvert/terms';
export * from './announcing.js';
export * from './api-key.js';
export * from './audit-event.js';
export * from './audit-log.js';
export * from './authority.js';
export * from './connection-event.js';
export * from './errors.js';
export * from './hostname.js';
export * from './intercept.js';
export * from './member-credential.js';
export * from './program.js';
export * from './ports.js';
export * from './preview-access.js';
export * from './preview-traffic.js';
export * from './preview.js';
export * from './pull-request-comment.js';
export * from './resource-change.js';
export * from './secret-prefixes.js';
export * from './secret.js';
export * from './role-scopes.js';
export * from './requested-preview.js';
export * from './session.js';
export * from './team.js';
export * from './traffic-manager.js';
export * from './user-session.js';
