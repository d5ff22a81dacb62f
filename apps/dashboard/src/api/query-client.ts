import { QueryClient } from '@tanstack/react-query';
import { ApiProblem } from './problem.js';
import { isLive } from './live-state.js';

const MAX_ATTEMPTS = 3;
/** How often what is on the screen is asked for again while no events arrive. */
const POLL_MS = 15_000;

/** Shared by the whole dashboard. Events say when something is out of date; without them it is polled. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5000,
      refetchInterval: () => (isLive() ? false : POLL_MS),
      // A server that is restarting is back in a moment; what it refuses, it refuses again.
      retry: (failures, error) => failures < MAX_ATTEMPTS && error instanceof ApiProblem && error.isPassing,
      networkMode: 'always',
    },
    mutations: { networkMode: 'always' },
  },
});
