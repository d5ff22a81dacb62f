import { Group, Text, Tooltip } from '@mantine/core';
import { useSyncExternalStore, type ReactElement } from 'react';
import { liveState, onLiveState, type LiveState } from '../api/live-state.js';
import { StateDot } from '../components/state-dot.js';

const SHOWN: Readonly<Record<LiveState, { label: string; tone: 'good' | 'waiting'; about: string }>> = {
  live: { label: 'Live', tone: 'good', about: 'What you see is up to date: changes arrive as they happen.' },
  connecting: { label: 'Connecting', tone: 'waiting', about: 'Opening the stream of changes.' },
  broken: {
    label: 'Every 15 s',
    tone: 'waiting',
    about:
      'The stream of changes is interrupted: pages are asked for again every 15 seconds until it is back.',
  },
};

/** Whether changes arrive as they happen. */
export function LiveIndicator(): ReactElement {
  const { label, tone, about } = SHOWN[useSyncExternalStore(onLiveState, liveState)];
  return (
    <Tooltip label={about} w={240}>
      <Group gap={6} wrap="nowrap">
        <StateDot tone={tone} />
        <Text size="xs" c="dimmed">
          {label}
        </Text>
      </Group>
    </Tooltip>
  );
}
