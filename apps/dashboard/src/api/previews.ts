import { infiniteQueryOptions, keepPreviousData, queryOptions } from '@tanstack/react-query';
import { answerOf, api, type Schemas } from './client.js';
import { keyOf } from './keys.js';
import { fetchPreview, type Preview } from './fetch-preview.js';
import { forgetPreviews, putPreview } from './preview-cache.js';

export type { Preview };
export type PreviewAccess = Preview['access'];
export type CreatePreview = Schemas['CreatePreview'];
export type UpdatePreview = Schemas['UpdatePreview'];

/** Filter of the list; an empty string matches everything. */
export interface PreviewFilter {
  readonly search: string;
  readonly state: string;
  readonly access: string;
  readonly workload: string;
  readonly client: string;
}

const PAGE_SIZE = 200;

/** Query for previews by pages, newest first. The old result stays visible while a new filter loads. */
export const previewList = (filter: PreviewFilter) =>
  infiniteQueryOptions({
    queryKey: keyOf('preview', 'list', filter),
    queryFn: ({ pageParam, signal }) => {
      const given = Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== ''));
      const query = { ...given, limit: PAGE_SIZE, ...(pageParam === null ? {} : { cursor: pageParam }) };
      return answerOf(api.GET('/api/v1/previews', { params: { query }, signal }));
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.nextCursor,
    placeholderData: keepPreviousData,
    // Single changes are applied to the pages as they happen (`preview-cache.ts`).
    staleTime: 60_000,
  });

export const previewById = (id: string) =>
  queryOptions({
    queryKey: keyOf('preview', 'one', id),
    queryFn: () => fetchPreview(id),
  });

export async function createPreview(body: CreatePreview): Promise<Preview> {
  const preview = await answerOf(api.POST('/api/v1/previews', { body }));
  putPreview(preview);
  return preview;
}

export async function updatePreview(previewId: string, body: UpdatePreview): Promise<Preview> {
  const preview = await answerOf(
    api.PATCH('/api/v1/previews/{previewId}', { params: { path: { previewId } }, body }),
  );
  putPreview(preview);
  return preview;
}

export async function removePreview(previewId: string): Promise<void> {
  await answerOf(api.DELETE('/api/v1/previews/{previewId}', { params: { path: { previewId } } }));
  forgetPreviews(new Set([previewId]));
}

/** Restores the removed preview of an intercept. */
export async function restorePreview(interceptId: string): Promise<Preview> {
  const preview = await answerOf(
    api.POST('/api/v1/intercepts/{interceptId}/restore-preview', { params: { path: { interceptId } } }),
  );
  putPreview(preview);
  return preview;
}

/** Returns the name of a preview: that of its intercept. */
export function nameOfPreview({ intercept, hostname }: Preview): string {
  return intercept.name === '' ? hostname : intercept.name;
}
