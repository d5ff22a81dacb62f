/**
 * The closed sets of words that the rules (libs/domain) and the API (libs/contract) share. They have a package of their
 * own, because domain must not depend on schemas, and contract must not depend on server-only code.
 */
export { AUDIT_ACTIONS, type AuditAction } from './audit-actions.js';
export {
  CONNECTION_CHANGES,
  CONNECTION_REASONS,
  type ConnectionChange,
  type ConnectionReason,
} from './connections.js';
export {
  KEPT_KINDS,
  type KeptKind,
  MAX_KEEP_COUNT,
  MAX_KEEP_HOURS,
  MAX_REDACTED_NAMES,
  NEVER_KEPT_FIELDS,
} from './keeping.js';
export {
  ADDRESSED_AS,
  type AddressedAs,
  DISPOSITIONS,
  type Disposition,
  INGRESS_PROTOCOLS,
  type IngressProtocol,
  MIN_IDLE_EXPIRY_SECONDS,
  PREVIEW_ACCESS,
  type PreviewAccess,
  PULL_REQUEST_COMMENT_STATUSES,
  type PullRequestCommentStatus,
} from './previews.js';
export { CHANGED_RESOURCES, type ChangedResource, CHANGES, type Change } from './resource-changes.js';
export { SESSION_STATES, type SessionState, TUNNEL_KINDS, type TunnelKind } from './sessions.js';
export {
  MEMBER_CREDENTIAL_KINDS,
  type MemberCredentialKind,
  ROLES,
  type Role,
  SCOPES,
  type Scope,
} from './team.js';
export {
  DEFAULT_WORKLOAD_SCOPES,
  WORKLOAD_PLATFORMS,
  WORKLOAD_SCOPES,
  type WorkloadPlatform,
} from './workload-identities.js';
export { WORKSTATION_PREFIX } from './traffic-managers.js';
export {
  PREVIEW_END_REASONS,
  type PreviewEndReason,
  WEBHOOK_DELIVERY_STATES,
  type WebhookDeliveryState,
  WEBHOOK_DISABLED_REASONS,
  type WebhookDisabledReason,
  type WebhookEvent,
  WEBHOOK_EVENTS,
  WEBHOOK_FORMATS,
  type WebhookFormat,
  type WebhookState,
  WEBHOOK_STATES,
  WEBHOOK_TEST,
} from './webhooks.js';
