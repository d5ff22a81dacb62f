import { Text, Timeline } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { historyOf, type AuditEvent } from '../../api/audit-events.js';
import { QueryView } from '../../components/query-view.js';
import { PageSection } from '../../components/page-section.js';
import { TimeAgo } from '../../components/time-ago.js';

const ACTIONS: Readonly<Record<string, string>> = {
  'preview.create': 'Created',
  'preview.update': 'Changed',
  'preview.delete': 'Removed',
  'preview.end': 'Ended',
  'preview.restore': 'Restored',
};

/** Who did what to a preview, newest first. */
export function PreviewHistory({ previewId }: { previewId: string }): ReactElement {
  const query = useQuery(historyOf(previewId));
  return (
    <PageSection title="History">
      <QueryView query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Text size="sm" c="dimmed">
              Nothing has been written down of it.
            </Text>
          ) : (
            <Timeline bulletSize={12} lineWidth={2}>
              {items.map((event) => (
                <Timeline.Item key={event.id} title={ACTIONS[event.action] ?? event.action}>
                  <Text size="sm">{changesOf(event)}</Text>
                  <Text size="xs" c="dimmed">
                    {actorOf(event)}, <TimeAgo at={event.at} />
                  </Text>
                </Timeline.Item>
              ))}
            </Timeline>
          )
        }
      </QueryView>
    </PageSection>
  );
}

/** `access: team → public`; nothing of creations, where everything is new. */
function changesOf({ before, after }: AuditEvent): string {
  if (before === null || after === null) return '';
  return Object.keys(after)
    .map((field) => `${field}: ${shown(before[field])} → ${shown(after[field])}`)
    .join(', ');
}

function shown(value: unknown): string {
  if (value === null || value === undefined) return 'none';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function actorOf({ actor }: AuditEvent): string {
  const who = { 'api-key': 'by an API key', user: 'by a person', system: 'by Culvert' }[actor.kind];
  return actor.address === null ? who : `${who} at ${actor.address}`;
}
