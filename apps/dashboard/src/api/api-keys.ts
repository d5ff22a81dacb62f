import { queryOptions } from '@tanstack/react-query';
import { allPages } from './all-pages.js';
import { answerOf, api, type Schemas } from './client.js';
import { keyOf } from './keys.js';

export type ApiKey = Schemas['ApiKey'];
export type CreatedApiKey = Schemas['CreatedApiKey'];

/** Query for every key of the team, including revoked ones. */
export const apiKeys = () =>
  queryOptions({
    queryKey: keyOf('api-key', 'all'),
    queryFn: () => allPages<ApiKey>((query) => answerOf(api.GET('/api/v1/api-keys', { params: { query } }))),
  });

/** Creates a key. Only this response contains the key itself. */
export function createApiKey(body: Schemas['CreateApiKey']): Promise<CreatedApiKey> {
  return answerOf(api.POST('/api/v1/api-keys', { body }));
}
