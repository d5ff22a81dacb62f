import { queryOptions } from '@tanstack/react-query';
import { allPages } from '../../api/all-pages.js';
import { answerOf, api } from '../../api/client.js';
import { keyOf } from '../../api/keys.js';
import type { Session } from '../../api/traffic-managers.js';

/** Edges report what sessions move so often; no event tells of it. */
export const LOAD_POLL_MS = 10_000;

/** Sessions that have not ended: those with a tunnel, and those that may be resumed. */
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

/** The session that says most about a traffic manager: of several kinds the one that is connected. */
export function sessionOf(sessions: readonly Session[], trafficManagerId: string): Session | undefined {
  const own = sessions.filter((session) => session.trafficManagerId === trafficManagerId);
  return own.find(({ state }) => state === 'connected') ?? own[0];
}
