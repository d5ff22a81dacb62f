import { Group, Text, Tooltip } from '@mantine/core';
import { useSyncExternalStore, type ReactElement } from 'react';
import { liveState, onLiveState, type LiveState } from '../api/live-state.js';
import { StateDot } from '../components/state-dot.js';
import { texts } from './texts.js';

const SHOWN: Readonly<Record<LiveState, { label: string; tone: 'good' | 'waiting'; about: string }>> = {
  live: { label: texts.liveIndicator.live, tone: 'good', about: texts.liveIndicator.liveAbout },
  connecting: {
    label: texts.liveIndicator.connecting,
    tone: 'waiting',
    about: texts.liveIndicator.connectingAbout,
  },
  broken: {
    label: texts.liveIndicator.polling,
    tone: 'waiting',
    about: texts.liveIndicator.pollingAbout,
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
