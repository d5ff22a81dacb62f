import { Text, Timeline } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { historyOf } from '../../api/audit-events.js';
import { actorOf } from '../../components/event-summary.js';
import { QueryView } from '../../components/query-view.js';
import { PageSection } from '../../components/page-section.js';
import { TimeAgo } from '../../components/time-ago.js';
import { texts } from './texts.js';

/** Events of a preview, newest first. */
export function PreviewHistory({ previewId }: { previewId: string }): ReactElement {
  const query = useQuery(historyOf(previewId));
  return (
    <PageSection title={texts.previewHistory.history}>
      <QueryView query={query}>
        {({ items }) =>
          items.length === 0 ? (
            <Text size="sm" c="dimmed">
              {texts.previewHistory.none}
            </Text>
          ) : (
            <Timeline bulletSize={12} lineWidth={2}>
              {items.map((event) => (
                <Timeline.Item key={event.id}>
                  <Text size="sm">
                    {actorOf(event)} {event.summary}
                  </Text>
                  <Text size="xs" c="dimmed">
                    <TimeAgo at={event.at} />
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
