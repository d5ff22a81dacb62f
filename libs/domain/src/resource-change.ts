import type { Change, ChangedResource, Scope } from '@culvert/terms';

/** Scope that is needed to watch each kind of resource of a team. */
export const SCOPE_TO_WATCH = {
  'api-key': 'keys:read',
  'audit-event': 'audit:read',
  intercept: 'intercepts:read',
  invitation: 'team:read',
  member: 'team:read',
  preview: 'previews:read',
  'preview-token': 'previews:read',
  session: 'sessions:read',
  'share-link': 'previews:read',
  team: 'team:read',
  'traffic-manager': 'sessions:read',
  'workload-identity': 'team:read',
  webhook: 'team:write',
} as const satisfies Readonly<Record<ChangedResource, Scope>>;

/** A resource of a team has changed: pages that show it must fetch it again. */
export interface ResourceChange {
  readonly teamId: string;
  readonly resource: ChangedResource;
  readonly id: string;
  readonly change: Change;
}

/**
 * Changes by those actions of the audit log whose target can be watched. Revoked resources stay listed, except
 * invitations.
 */
const CHANGE_OF_ACTION: ReadonlyMap<string, Change> = new Map(
  Object.entries({
    'api-key.create': 'created',
    'api-key.update': 'updated',
    'api-key.rotate': 'updated',
    'api-key.revoke': 'updated',
    'intercept.create': 'created',
    'intercept.update': 'updated',
    'intercept.delete': 'removed',
    'invitation.create': 'created',
    'invitation.renew': 'updated',
    'invitation.revoke': 'removed',
    'member.add': 'created',
    'member.create': 'created',
    'member.update': 'updated',
    'member.remove': 'removed',
    'preview.create': 'created',
    'preview.update': 'updated',
    'preview.delete': 'removed',
    'preview.end': 'removed',
    'preview.restore': 'created',
    'preview-token.create': 'created',
    'preview-token.revoke': 'updated',
    'session.end': 'updated',
    'share-link.create': 'created',
    'share-link.revoke': 'updated',
    'team.update': 'updated',
    'traffic-manager.create': 'created',
    'traffic-manager.update': 'updated',
    'traffic-manager.delete': 'removed',
    'workload-identity.create': 'created',
    'workload-identity.update': 'updated',
    'workload-identity.delete': 'removed',
    'workload-identity.sign-in': 'updated',
    'webhook.create': 'created',
    'webhook.update': 'updated',
    'webhook.delete': 'removed',
    'webhook.disable': 'updated',
  }),
);

/** Returns what an audited action did to its target; null: the target cannot be watched. */
export function changeOfAction(
  teamId: string,
  { action, targetId }: { readonly action: string; readonly targetId: string },
): ResourceChange | null {
  const change = CHANGE_OF_ACTION.get(action);
  if (change === undefined) return null;
  const resource = action.slice(0, action.indexOf('.')) as ChangedResource;
  return { teamId, resource, id: targetId, change };
}
