import { QueryClient } from '@tanstack/react-query';
import { ApiProblem } from './problem.js';
import { isLive } from './live-state.js';

const MAX_ATTEMPTS = 3;
/** Milliseconds between repeated queries while there is no event stream. */
const POLL_MS = 15_000;

/** Query client of the whole dashboard. Events report outdated data; without them, it polls. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      staleTime: 5000,
      refetchInterval: () => (isLive() ? false : POLL_MS),
      // A restarting server returns within moments; a refusal would be repeated.
      retry: (failures, error) => failures < MAX_ATTEMPTS && error instanceof ApiProblem && error.isPassing,
      networkMode: 'always',
    },
    mutations: { networkMode: 'always' },
  },
});
