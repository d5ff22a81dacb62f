import { Group, Text } from '@mantine/core';
import type { ReactElement } from 'react';
import type { Session, TrafficManager } from '../../api/traffic-managers.js';
import { StateDot, type Tone } from '../../components/state-dot.js';
import { texts } from './texts.js';

/** Returns the state of a traffic manager, by its living session, if it has one. */
export function stateOf(
  { lastSeenAt }: Pick<TrafficManager, 'lastSeenAt'>,
  session: Session | undefined,
): { readonly label: string; readonly tone: Tone } {
  if (session?.state === 'connected') return { label: texts.connectionState.connected, tone: 'good' };
  if (session?.state === 'disconnected')
    return { label: texts.connectionState.reconnecting, tone: 'waiting' };
  return lastSeenAt === null
    ? { label: texts.connectionState.neverConnected, tone: 'off' }
    : { label: texts.connectionState.away, tone: 'bad' };
}

export function ConnectionState(props: {
  readonly manager: Pick<TrafficManager, 'lastSeenAt'>;
  readonly session: Session | undefined;
}): ReactElement {
  const { label, tone } = stateOf(props.manager, props.session);
  return (
    <Group gap={6} wrap="nowrap" component="span" display="inline-flex">
      <StateDot tone={tone} />
      <Text size="sm" span>
        {label}
      </Text>
    </Group>
  );
}
