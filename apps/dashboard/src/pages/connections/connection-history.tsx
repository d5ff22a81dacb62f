import { Button, Group, Stack, Text } from '@mantine/core';
import { useInfiniteQuery } from '@tanstack/react-query';
import type { ReactElement } from 'react';
import { answerOf, api } from '../../api/client.js';
import { keyOf } from '../../api/keys.js';
import { QueryView } from '../../components/query-view.js';
import { StateDot, type Tone } from '../../components/state-dot.js';
import { TimeAgo } from '../../components/time-ago.js';
import { LOAD_POLL_MS } from './sessions.js';
import { describeChange, describeReason, type ConnectionEvent } from './reasons.js';
import { texts } from './texts.js';
import classes from './connection-history.module.css';

const TONES: Readonly<Record<ConnectionEvent['change'], Tone>> = {
  connected: 'good',
  resumed: 'good',
  disconnected: 'waiting',
  ended: 'off',
};

/** When and why a traffic manager connected and disconnected, newest first. */
export function ConnectionHistory({ trafficManagerId }: { trafficManagerId: string }): ReactElement {
  const history = useInfiniteQuery({
    queryKey: keyOf('session', 'history', trafficManagerId),
    queryFn: ({ pageParam }) =>
      answerOf(
        api.GET('/api/v1/traffic-managers/{trafficManagerId}/connections', {
          params: {
            path: { trafficManagerId },
            query: { limit: 50, ...(pageParam === null ? {} : { cursor: pageParam }) },
          },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: ({ nextCursor }) => nextCursor,
    refetchInterval: LOAD_POLL_MS,
  });
  return (
    <QueryView query={history}>
      {({ pages }) => {
        const events = pages.flatMap(({ items }) => items);
        if (events.length === 0) return <Text c="dimmed">{texts.connectionHistory.noConnectionsYet}</Text>;
        return (
          <Stack gap="sm">
            <ol className={classes['events']}>
              {events.map((event) => (
                <Event key={event.id} event={event} />
              ))}
            </ol>
            {history.hasNextPage && (
              <Group>
                <Button
                  variant="default"
                  size="xs"
                  loading={history.isFetchingNextPage}
                  onClick={() => void history.fetchNextPage()}
                >
                  {texts.connectionHistory.showOlderEvents}
                </Button>
              </Group>
            )}
          </Stack>
        );
      }}
    </QueryView>
  );
}

function Event({ event }: { event: ConnectionEvent }): ReactElement {
  const reason = describeReason(event);
  return (
    <li className={classes['event']}>
      <span className={classes['dot']}>
        <StateDot tone={TONES[event.change]} />
      </span>
      <div>
        <Text size="sm">
          <Text span fw={500} inherit>
            {describeChange(event)}
          </Text>
          {reason !== '' && texts.connectionHistory.reason(reason)}
        </Text>
        <Text size="xs" c="dimmed">
          {texts.connectionHistory.origin(event, <TimeAgo at={event.at} />)}
        </Text>
        {event.detail !== '' && event.reason !== 'session_ended' && event.reason !== 'not_resumed' && (
          <Text size="xs" c="dimmed">
            {texts.connectionHistory.detail(event.detail)}
          </Text>
        )}
        {event.omittedBefore > 0 && (
          <Text size="xs" c="dimmed" fs="italic">
            {texts.connectionHistory.omitted(event.omittedBefore)}
          </Text>
        )}
      </div>
    </li>
  );
}
