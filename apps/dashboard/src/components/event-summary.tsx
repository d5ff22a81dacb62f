import { Anchor, Text } from '@mantine/core';
import type { ReactElement } from 'react';
import { Link } from 'wouter';
import type { AuditEvent } from '../api/audit-events.js';
import { texts } from './texts.js';

/** What the actor of an event did. The name of the target is a link while the team still has it. */
export function EventSummary({ event }: { readonly event: AuditEvent }): ReactElement {
  const { summary, targetId, targetName, current } = event;
  const name = targetName || targetId;
  const at = summary.lastIndexOf(`"${name}"`);
  if (at < 0) return <>{summary}</>;
  return (
    <>
      {summary.slice(0, at)}
      {current === null ? (
        <Text span inherit fw={600}>
          {name}
        </Text>
      ) : (
        <Anchor component={Link} href={pathOf(current)} inherit fw={600}>
          {name}
        </Anchor>
      )}
      {summary.slice(at + name.length + 2)}
    </>
  );
}

/** Returns the actor's name at that time. */
export function actorOf({ actor }: Pick<AuditEvent, 'actor'>): string {
  if (actor.kind === 'system') return texts.eventSummary.culvert;
  if (actor.kind === 'user') return actor.name ?? texts.eventSummary.person;
  if (actor.kind === 'workload-identity')
    return texts.eventSummary.workloadIdentity(actor.name ?? actor.id ?? '');
  return actor.name === null ? texts.eventSummary.apiKey : texts.eventSummary.key(actor.name);
}

function pathOf({ resource, id }: NonNullable<AuditEvent['current']>): string {
  switch (resource) {
    case 'preview':
      return `/previews/${id}`;
    case 'traffic-manager':
      return `/connections/${id}`;
    case 'api-key':
      return '/api-keys';
    case 'intercept':
      return '/intercepts';
    case 'member':
    case 'workload-identity':
      return '/team';
  }
}
