import { queryOptions } from '@tanstack/react-query';
import { allPages } from '../../api/all-pages.js';
import { answerOf, api } from '../../api/client.js';
import { keyOf } from '../../api/keys.js';
import type { Session } from '../../api/traffic-managers.js';

/** Interval of the edges' load reports, for which there are no events. */
export const LOAD_POLL_MS = 10_000;

/** Query for living sessions: those with a tunnel, and those that can be resumed. */
export const livingSessions = () =>
  queryOptions({
    queryKey: keyOf('session', 'living'),
    queryFn: async () => {
      const states = await Promise.all(
        (['connected', 'disconnected'] as const).map((state) =>
          allPages<Session>((query) =>
            answerOf(api.GET('/api/v1/sessions', { params: { query: { ...query, state } } })),
          ),
        ),
      );
      return states.flat();
    },
    refetchInterval: LOAD_POLL_MS,
  });

/** Returns the session to show for a traffic manager: if there are several kinds, the connected one. */
export function sessionOf(sessions: readonly Session[], trafficManagerId: string): Session | undefined {
  const own = sessions.filter((session) => session.trafficManagerId === trafficManagerId);
  return own.find(({ state }) => state === 'connected') ?? own[0];
}
