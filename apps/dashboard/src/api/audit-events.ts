import { queryOptions } from '@tanstack/react-query';
import { answerOf, api, type Schemas } from './client.js';
import { keyOf } from './keys.js';

export type AuditEvent = Schemas['AuditEvent'];

const SHOWN = 50;

/** Query for the last events of one target, newest first. */
export const historyOf = (targetId: string) =>
  queryOptions({
    queryKey: keyOf('audit-event', 'of', targetId),
    queryFn: () =>
      answerOf(api.GET('/api/v1/audit-events', { params: { query: { targetId, limit: SHOWN } } })),
  });
