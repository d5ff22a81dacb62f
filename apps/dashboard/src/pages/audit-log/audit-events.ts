import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { allPages } from '../../api/all-pages.js';
import type { AuditEvent } from '../../api/audit-events.js';
import { answerOf, api, type Schemas } from '../../api/client.js';
import { keyOf } from '../../api/keys.js';

/** Which events: those that have all that is given. */
export interface Filter {
  readonly actorId: string | null;
  readonly action: string | null;
  /** Text in the name of what was acted on; empty: any. */
  readonly name: string;
  /** Days as `<input type="date">` has them, in the time zone of the browser; empty: any. */
  readonly from: string;
  readonly until: string;
}

export const NO_FILTER: Filter = { actorId: null, action: null, name: '', from: '', until: '' };

/** As the API takes it. */
export function queryOf({ actorId, action, name, from, until }: Filter): Record<string, string> {
  const query: Record<string, string> = {};
  if (actorId !== null) query['actorId'] = actorId;
  if (action !== null) query['action'] = action;
  if (name.trim() !== '') query['name'] = name.trim();
  if (from !== '') query['from'] = startOf(from, 0);
  // The last day is shown whole.
  if (until !== '') query['until'] = startOf(until, 1);
  return query;
}

function startOf(day: string, daysLater: number): string {
  const [year = 0, month = 1, date = 1] = day.split('-').map(Number);
  return new Date(year, month - 1, date + daysLater).toISOString();
}

export const auditEvents = (filter: Filter) =>
  infiniteQueryOptions({
    queryKey: keyOf('audit-event', filter),
    queryFn: ({ pageParam }) =>
      answerOf(
        api.GET('/api/v1/audit-events', {
          params: {
            query: { ...queryOf(filter), limit: 100, ...(pageParam === null ? {} : { cursor: pageParam }) },
          },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: ({ nextCursor }) => nextCursor,
  });

/** What acting keys and people are called, by their ids. */
export const actorNames = () =>
  queryOptions({
    queryKey: keyOf('member', 'actor-names'),
    queryFn: async () => {
      const [people, keys] = await Promise.all([
        answerOf(api.GET('/api/v1/team/members')),
        allPages<Schemas['ApiKey']>((query) => answerOf(api.GET('/api/v1/api-keys', { params: { query } }))),
      ]);
      return new Map<string, string>([
        ...people.items.map(({ userId, name, email }) => [userId, name === '' ? email : name] as const),
        ...keys.map(({ id, name }) => [id, `key ${name}`] as const),
      ]);
    },
  });

/** Every kind of event, as the contract lists them. */
export const ACTIONS = [
  'api-key.create',
  'api-key.update',
  'api-key.rotate',
  'api-key.revoke',
  'intercept.create',
  'intercept.update',
  'intercept.delete',
  'invitation.create',
  'invitation.renew',
  'invitation.revoke',
  'member.add',
  'member.create',
  'member.update',
  'member.remove',
  'preview.create',
  'preview.update',
  'preview.delete',
  'preview.end',
  'preview.restore',
  'preview.replay',
  'preview-token.create',
  'preview-token.revoke',
  'program.create',
  'program.end',
  'session.end',
  'share-link.create',
  'share-link.revoke',
  'team.create',
  'team.update',
  'traffic-manager.create',
  'traffic-manager.update',
  'traffic-manager.delete',
  'user.sign-in',
  'user.sign-in-failed',
  'user.sign-out',
  'user.change-password',
  'user.change-password-failed',
  'user.reset-password',
  'user-session.end',
  'user-session.end-others',
] as const;

/** The fields that an event changed, with what they were and are. */
export function changedFields({ before, after }: Pick<AuditEvent, 'before' | 'after'>): readonly {
  readonly field: string;
  readonly before: string;
  readonly after: string;
}[] {
  const fields = new Set([...Object.keys(before ?? {}), ...Object.keys(after ?? {})]);
  return [...fields].toSorted().map((field) => ({
    field,
    before: textOf(before?.[field]),
    after: textOf(after?.[field]),
  }));
}

function textOf(value: unknown): string {
  if (value === undefined) return '–';
  return typeof value === 'string' ? value : JSON.stringify(value);
}
