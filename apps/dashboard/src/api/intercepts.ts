import { queryOptions } from '@tanstack/react-query';
import { allPages } from './all-pages.js';
import { answerOf, api, type Schemas } from './client.js';
import { keyOf } from './keys.js';

export type Intercept = Schemas['Intercept'];

/** Query for the newest intercepts of the team, as many as a person can choose from. */
export const recentIntercepts = () =>
  queryOptions({
    queryKey: keyOf('intercept', 'recent'),
    queryFn: () =>
      allPages<Intercept>((query) => answerOf(api.GET('/api/v1/intercepts', { params: { query } })), 200),
  });

export const interceptById = (interceptId: string) =>
  queryOptions({
    queryKey: keyOf('intercept', 'one', interceptId),
    queryFn: () =>
      answerOf(api.GET('/api/v1/intercepts/{interceptId}', { params: { path: { interceptId } } })),
  });
