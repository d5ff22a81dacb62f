/** Kept exchanges of one preview. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { answerOf, api, type Schemas } from './client.js';
import { keyOf } from './keys.js';

export type KeptExchange = Schemas['KeptExchange'];

/** Filter of kept exchanges; an empty string matches everything. */
export interface KeptFilter {
  readonly text: string;
  /** `2xx` to `5xx`, or `failed`. */
  readonly status: string;
}

const PAGE_SIZE = 200;

/** Query for kept exchanges by pages, newest first. */
export const keptExchanges = (previewId: string, filter: KeptFilter) =>
  infiniteQueryOptions({
    queryKey: keyOf('preview', 'kept', previewId, filter),
    queryFn: ({ pageParam, signal }) => {
      const query = {
        ...queryOf(filter),
        limit: PAGE_SIZE,
        ...(pageParam === null ? {} : { cursor: pageParam }),
      };
      const params = { path: { previewId }, query };
      return answerOf(api.GET('/api/v1/previews/{previewId}/kept-exchanges', { params, signal }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: ({ nextCursor }) => nextCursor,
    placeholderData: keepPreviousData,
  });

/** Query for one kept exchange. @param withBodies needs the permission to change the preview */
export const keptExchange = (previewId: string, exchangeId: string, withBodies: boolean) =>
  queryOptions({
    queryKey: keyOf('preview', 'kept', previewId, 'one', exchangeId, withBodies),
    queryFn: () => {
      const bodies = withBodies ? ('true' as const) : ('false' as const);
      const params = { path: { previewId, exchangeId }, query: { bodies } };
      return answerOf(api.GET('/api/v1/previews/{previewId}/kept-exchanges/{exchangeId}', { params }));
    },
    staleTime: Infinity,
  });

export async function removeKeptExchanges(previewId: string): Promise<void> {
  const params = { path: { previewId } };
  await answerOf(api.DELETE('/api/v1/previews/{previewId}/kept-exchanges', { params }));
}

export async function removeKeptExchange(previewId: string, exchangeId: string): Promise<void> {
  const params = { path: { previewId, exchangeId } };
  await answerOf(api.DELETE('/api/v1/previews/{previewId}/kept-exchanges/{exchangeId}', { params }));
}

/** Returns an HTTP archive of the exchanges that match. */
export function keptArchive(previewId: string, filter: KeptFilter, withBodies: boolean): Promise<Blob> {
  const query = { ...queryOf(filter), bodies: withBodies ? ('true' as const) : ('false' as const) };
  const params = { path: { previewId }, query };
  return answerOf(api.GET('/api/v1/previews/{previewId}/kept-exchanges.har', { params, parseAs: 'blob' }));
}

function queryOf({ text, status }: KeptFilter) {
  return {
    ...(text.trim() !== '' && { text: text.trim() }),
    ...(status !== '' && { status }),
  };
}
