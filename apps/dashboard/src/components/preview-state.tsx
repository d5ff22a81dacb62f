import { Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { connectedSessions } from '../api/traffic-managers.js';
import { StateDot } from './state-dot.js';

/** Whether the traffic manager that a preview goes through is connected now. */
export function PreviewState({ trafficManagerId }: { trafficManagerId: string }): ReactElement {
  const { data } = useQuery(connectedSessions());
  const isConnected = data?.some((session) => session.trafficManagerId === trafficManagerId);
  const [tone, word] =
    isConnected === undefined
      ? (['off', 'unknown'] as const)
      : isConnected
        ? (['good', 'connected'] as const)
        : (['waiting', 'waiting'] as const);
  return (
    <Group
      gap={6}
      wrap="nowrap"
      title={tone === 'waiting' ? 'Its traffic manager is not connected' : undefined}
    >
      <StateDot tone={tone} />
      <Text size="sm" component="span">
        {word}
      </Text>
    </Group>
  );
}
