import { Group, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo, type ReactElement } from 'react';
import { connectedSessions } from '../api/traffic-managers.js';
import { StateDot } from './state-dot.js';
import { texts } from './texts.js';

/** Returns the IDs of the connected traffic managers; undefined until they are known. */
export function useConnectedManagers(): ReadonlySet<string> | undefined {
  const { data } = useQuery(connectedSessions());
  return useMemo(() => data && new Set(data.map(({ trafficManagerId }) => trafficManagerId)), [data]);
}

/** Shows whether the traffic manager of a preview is connected. */
export function PreviewState({ isConnected }: { isConnected: boolean | undefined }): ReactElement {
  const [tone, word] =
    isConnected === undefined
      ? (['off', texts.previewState.unknown] as const)
      : isConnected
        ? (['good', texts.previewState.connected] as const)
        : (['waiting', texts.previewState.waiting] as const);
  return (
    <Group gap={6} wrap="nowrap" title={tone === 'waiting' ? texts.previewState.waitingAbout : undefined}>
      <StateDot tone={tone} />
      <Text size="sm" component="span">
        {word}
      </Text>
    </Group>
  );
}
