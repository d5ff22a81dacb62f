import { queryOptions } from '@tanstack/react-query';
import { answerOf, api, type Schemas } from './client.js';
import { keyOf } from './keys.js';

export type Team = Schemas['Team'];

/** Query for the chosen team, its limits, and its use of them. */
export const teamOfCaller = () =>
  queryOptions({
    queryKey: keyOf('team'),
    queryFn: () => answerOf(api.GET('/api/v1/team')),
    staleTime: 30_000,
  });
