import { Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { errorsOfMetrics, metricsOfPreview, sum, type Traffic } from '../../api/preview-metrics.js';
import { PageSection } from '../../components/page-section.js';
import { QueryView } from '../../components/query-view.js';
import { TrafficChart } from '../../components/traffic-chart.js';

/** Small chart of a preview's last hour, for a row of a list. */
export function TrafficCell({ traffic, name }: { traffic: Traffic | undefined; name: string }): ReactElement {
  if (traffic === undefined) {
    return (
      <Text size="xs" c="dimmed" component="span">
        no requests
      </Text>
    );
  }
  const failed = sum(traffic.errors);
  return (
    <div>
      <TrafficChart traffic={traffic} of={`of ${name} in the last hour`} height={20} />
      <Text size="xs" c="dimmed" aria-hidden>
        {sum(traffic.requests)}
        {failed > 0 && ` · ${failed} failed`}
      </Text>
    </div>
  );
}

/** The last hour of a preview, with its figures. */
export function PreviewTraffic({ previewId }: { previewId: string }): ReactElement {
  const query = useQuery(metricsOfPreview(previewId));
  return (
    <PageSection title="Last hour">
      <QueryView query={query}>
        {(metrics) => {
          const { requests, serverErrors, edgeErrors, clientErrors, answers, firstByteMsSum } = metrics;
          const answered = sum(answers);
          return (
            <>
              <TrafficChart
                traffic={{ requests, errors: errorsOfMetrics(metrics) }}
                of="in the last hour"
                height={72}
              />
              <Group mt="sm" gap="lg">
                <Figure value={String(sum(requests))} name="requests" />
                <Figure value={String(sum(clientErrors))} name="refused by the service (4xx)" />
                <Figure value={String(sum(serverErrors))} name="failed in the service (5xx)" />
                <Figure value={String(sum(edgeErrors))} name="without an answer" />
                {answered > 0 && (
                  <Figure
                    value={`${Math.round(sum(firstByteMsSum) / answered)} ms`}
                    name="to the first byte, on average"
                  />
                )}
              </Group>
            </>
          );
        }}
      </QueryView>
    </PageSection>
  );
}

function Figure({ value, name }: { value: string; name: string }): ReactElement {
  return (
    <Text size="sm" c="dimmed">
      <Text span fw={650} c="var(--mantine-color-text)">
        {value}
      </Text>{' '}
      {name}
    </Text>
  );
}
