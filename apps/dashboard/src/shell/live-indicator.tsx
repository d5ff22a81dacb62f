import { Group, Text, Tooltip } from '@mantine/core';
import { useSyncExternalStore, type ReactElement } from 'react';
import { liveState, onLiveState, type LiveState } from '../api/live-state.js';
import { StateDot } from '../components/state-dot.js';

const SHOWN: Readonly<Record<LiveState, { label: string; tone: 'good' | 'waiting'; about: string }>> = {
  live: { label: 'Live', tone: 'good', about: 'What you see is up to date: changes arrive live.' },
  connecting: { label: 'Connecting', tone: 'waiting', about: 'Connecting to live updates.' },
  broken: {
    label: 'Every 15 s',
    tone: 'waiting',
    about: 'Live updates are interrupted. Until they resume, the page refreshes every 15 seconds.',
  },
};

/** Shows whether changes arrive live. */
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
