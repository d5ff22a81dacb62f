import { infiniteQueryOptions, queryOptions } from '@tanstack/react-query';
import { allPages } from '../../api/all-pages.js';
import type { AuditEvent } from '../../api/audit-events.js';
import { answerOf, api, type Schemas } from '../../api/client.js';
import { keyOf } from '../../api/keys.js';
import { texts } from './texts.js';

/** Filter for events. An event must match every field. */
export interface Filter {
  readonly actorId: string | null;
  readonly action: string | null;
  /** Text in the name of the target; empty: any. */
  readonly name: string;
  /** Days in the format of `<input type="date">`, in the time zone of the browser; empty: any. */
  readonly from: string;
  readonly until: string;
}

export const NO_FILTER: Filter = { actorId: null, action: null, name: '', from: '', until: '' };

/** Returns the filter in the format of the API. */
export function queryOf({ actorId, action, name, from, until }: Filter): Record<string, string> {
  const query: Record<string, string> = {};
  if (actorId !== null) query['actorId'] = actorId;
  if (action !== null) query['action'] = action;
  if (name.trim() !== '') query['name'] = name.trim();
  if (from !== '') query['from'] = startOf(from, 0);
  // The last day is included completely.
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

/** Names of acting keys and people, by their IDs. */
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
        ...keys.map(({ id, name }) => [id, texts.auditEvents.key(name)] as const),
      ]);
    },
  });

/** Returns the label of a kind of event; its name if this version does not know it. */
export function actionLabel(action: string): string {
  return (texts.actionLabels as Readonly<Record<string, string | undefined>>)[action] ?? action;
}

/** Every kind of event that a filter can name, in the order of the labels above. */
export const ACTIONS: readonly string[] = Object.keys(texts.actionLabels);

/** Reports whether the name or label of a kind of event contains a text, in any case. */
export function matchesAction(action: string, text: string): boolean {
  const wanted = text.trim().toLowerCase();
  return action.includes(wanted) || actionLabel(action).toLowerCase().includes(wanted);
}

/** Returns the fields that an event changed, with their previous and new values. */
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
