import { queryOptions } from '@tanstack/react-query';
import { answerOf, api, type Schemas } from './client.js';
import { keyOf } from './keys.js';

export type Member = Schemas['Member'];

/** Query for the members, in the order in which they joined. */
export const members = () =>
  queryOptions({
    queryKey: keyOf('member', 'all'),
    queryFn: async () => (await answerOf(api.GET('/api/v1/team/members'))).items,
  });
