import { Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { errorsOfMetrics, metricsOfPreview, sum, type Traffic } from '../../api/preview-metrics.js';
import { formatMilliseconds, formatNumber } from '../../intl.js';
import { PageSection } from '../../components/page-section.js';
import { QueryView } from '../../components/query-view.js';
import { TrafficChart } from '../../components/traffic-chart.js';
import { texts } from './texts.js';

/** Small chart of a preview's last hour, for a row of a list. */
export function TrafficCell({ traffic, name }: { traffic: Traffic | undefined; name: string }): ReactElement {
  if (traffic === undefined) {
    return (
      <Text size="xs" c="dimmed" component="span">
        {texts.previewTraffic.noRequests}
      </Text>
    );
  }
  const failed = sum(traffic.errors);
  return (
    <div>
      <TrafficChart traffic={traffic} name={name} height={20} />
      <Text size="xs" c="dimmed" aria-hidden>
        {texts.previewTraffic.summary(sum(traffic.requests), failed)}
      </Text>
    </div>
  );
}

/** The last hour of a preview, with its figures. */
export function PreviewTraffic({ previewId }: { previewId: string }): ReactElement {
  const query = useQuery(metricsOfPreview(previewId));
  return (
    <PageSection title={texts.previewTraffic.lastHour}>
      <QueryView query={query}>
        {(metrics) => {
          const { requests, serverErrors, edgeErrors, clientErrors, answers, firstByteMsSum } = metrics;
          const answered = sum(answers);
          return (
            <>
              <TrafficChart traffic={{ requests, errors: errorsOfMetrics(metrics) }} height={72} />
              <Group mt="sm" gap="lg">
                <Figure value={formatNumber(sum(requests))} name={texts.previewTraffic.requests} />
                <Figure value={formatNumber(sum(clientErrors))} name={texts.previewTraffic.clientErrors} />
                <Figure value={formatNumber(sum(serverErrors))} name={texts.previewTraffic.serverErrors} />
                <Figure value={formatNumber(sum(edgeErrors))} name={texts.previewTraffic.edgeErrors} />
                {answered > 0 && (
                  <Figure
                    value={formatMilliseconds(sum(firstByteMsSum) / answered)}
                    name={texts.previewTraffic.firstByte}
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
