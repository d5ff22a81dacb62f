export {
  AUDIT_ACTIONS,
  type AuditAction,
  CHANGED_RESOURCES,
  ADDRESSED_AS,
  DEFAULT_WORKLOAD_SCOPES,
  INGRESS_PROTOCOLS,
  PREVIEW_ACCESS,
  type Scope,
  SCOPES,
  WORKLOAD_PLATFORMS,
  WORKLOAD_SCOPES,
  type WorkloadPlatform,
  WEBHOOK_EVENTS,
  WEBHOOK_FORMATS,
  type WebhookEvent,
  type WebhookFormat,
  WORKSTATION_PREFIX,
} from '@culvert/terms';
export * from './api-keys.js';
export * from './audit-events.js';
export * from './changes.js';
export * from './connection-events.js';
export * from './errors.js';
export * from './exchanges.js';
export * from './kept-exchanges.js';
export * from './intercepts.js';
export * from './me.js';
export * from './openapi.js';
export * from './operations.js';
export * from './page.js';
export * from './preview-credentials.js';
export * from './preview-metrics.js';
export * from './previews.js';
export * from './problems.js';
export * from './replays.js';
export * from './request-headers.js';
export * from './response-notes.js';
export * from './routes.js';
export * from './server.js';
export * from './sessions.js';
export * from './settable-header.js';
export * from './telepresence.js';
export * from './team.js';
export * from './sign-in.js';
export * from './traffic-managers.js';
export * from './workload-identities.js';
export * from './webhook-events.js';
export * from './webhooks.js';
export { id as resourceId, visibleName } from './text.js';
