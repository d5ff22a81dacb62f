/** The events of webhooks, and which of them a change leads to. */
import type { PreviewEndReason, WebhookEvent, WEBHOOK_TEST } from '@culvert/terms';
import type { AuditEvent, AuditEventDraft } from './audit-event.js';

/** An event that webhooks of a team may receive. */
export interface WebhookEventDraft {
  readonly teamId: string;
  readonly type: WebhookEvent | typeof WEBHOOK_TEST;
  /** IDs and names, never a secret. The contract has a schema for each type. */
  readonly data: Readonly<Record<string, unknown>>;
  /** Names an event that is found by searching, so that each webhook gets it once. At most 200 characters. */
  readonly dedupeKey?: string;
}

/** Version of the schemas of events. A change that breaks a receiver raises it. */
export const WEBHOOK_EVENT_VERSION = 1;

/** Returns the JSON that is delivered. */
export function webhookPayload({ teamId, type, data }: WebhookEventDraft, at: Date): string {
  return JSON.stringify({ type, version: WEBHOOK_EVENT_VERSION, timestamp: at.toISOString(), teamId, data });
}

/** Maximum number of previews that one removed intercept or traffic manager reports. */
const MAX_ENDED_AT_ONCE = 200;

type Audited = AuditEventDraft & { readonly actor: AuditEvent['actor'] };

/** Returns the events of an audited change; empty for most actions. */
export function webhookEventsOf(event: Audited): WebhookEventDraft[] {
  const { teamId, targetId, targetName, after } = event;
  const { kind, id, name } = event.actor;
  const actor = { kind, id, name };
  const preview = { previewId: targetId, hostname: targetName };
  const ended = (reason: PreviewEndReason): WebhookEventDraft[] => [
    { teamId, type: 'preview.ended', data: { ...preview, reason, actor } },
  ];
  switch (event.action) {
    case 'preview.create':
    case 'preview.restore':
      return [{ teamId, type: 'preview.created', data: { ...preview, actor } }];
    case 'preview.update': {
      const changed = Object.keys(after ?? {}).toSorted();
      return [{ teamId, type: 'preview.changed', data: { ...preview, changed, actor } }];
    }
    case 'preview.delete':
      return ended('removed');
    case 'preview.end':
      return ended((after?.['reason'] ?? 'removed') as PreviewEndReason);
    case 'intercept.delete':
      return endedWith(event, 'intercept_removed', actor);
    case 'traffic-manager.delete':
      return endedWith(event, 'traffic_manager_removed', actor);
    case 'member.add':
    case 'member.create': {
      const data = { userId: targetId, name: targetName, role: after?.['role'] ?? null, actor };
      return [{ teamId, type: 'member.joined', data }];
    }
    default:
      return [];
  }
}

/** Previews that end with what they belong to are known by their hostnames only. */
function endedWith(
  { teamId, before }: Audited,
  reason: PreviewEndReason,
  actor: object,
): WebhookEventDraft[] {
  const hostnames = before?.['hostnames'];
  if (!Array.isArray(hostnames)) return [];
  return (hostnames as string[]).slice(0, MAX_ENDED_AT_ONCE).map((hostname) => ({
    teamId,
    type: 'preview.ended',
    data: { previewId: null, hostname, reason, actor },
  }));
}
