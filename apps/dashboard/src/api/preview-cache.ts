/**
 * Applies single changes of previews to the cache, so that a change costs one request however long the open list is.
 * Whether a changed preview still matches a filter is checked when the list is next fetched.
 */
import type { InfiniteData } from '@tanstack/react-query';
import { keyOf, type Key } from './keys.js';
import { onChange, type Change } from './live.js';
import { ApiProblem } from './problem.js';
import { queryClient } from './query-client.js';
import { fetchPreview, type Preview } from './fetch-preview.js';

interface PreviewPage {
  readonly items: readonly Preview[];
  readonly nextCursor: string | null;
}
type Pages = InfiniteData<PreviewPage, string | null>;

const isList = ({ queryKey }: { readonly queryKey: readonly unknown[] }): boolean => queryKey[2] === 'list';

/** Updates this preview everywhere; adds a new one at the top of lists without a filter. */
export function putPreview(preview: Preview): void {
  queryClient.setQueryData(keyOf('preview', 'one', preview.id), preview);
  for (const [key, pages] of lists()) {
    const isThere = pages.pages.some(({ items }) => items.some(({ id }) => id === preview.id));
    if (isThere) {
      changePages(key, (items) => items.map((item) => (item.id === preview.id ? preview : item)));
    } else if (isUnfiltered(key)) {
      changePages(key, (items, page) => (page === 0 ? [preview, ...items] : items));
    } else {
      void queryClient.invalidateQueries({ queryKey: key });
    }
  }
}

/** Removes deleted previews from every list. */
export function forgetPreviews(ids: ReadonlySet<string>): void {
  for (const id of ids)
    queryClient.removeQueries({ queryKey: keyOf('preview', 'one', id), type: 'inactive' });
  for (const [key, pages] of lists()) {
    if (pages.pages.some(({ items }) => items.some(({ id }) => ids.has(id))))
      changePages(key, (items) => items.filter(({ id }) => !ids.has(id)));
  }
}

/** Follows the event stream. */
export function followPreviews(): () => void {
  return onChange((change) => {
    if (change.resource !== 'preview') return false;
    void apply(change);
    return true;
  });
}

async function apply({ id, change }: Change): Promise<void> {
  if (change === 'removed') {
    forgetPreviews(new Set([id]));
    return;
  }
  try {
    putPreview(await fetchPreview(id));
  } catch (error) {
    if (error instanceof ApiProblem && error.status === 404) forgetPreviews(new Set([id]));
    else void queryClient.invalidateQueries({ queryKey: keyOf('preview') });
  }
}

function lists(): [Key, Pages][] {
  return queryClient
    .getQueriesData<Pages>({ queryKey: keyOf('preview'), predicate: isList })
    .flatMap(([key, pages]) => (pages === undefined ? [] : [[key as Key, pages] as [Key, Pages]]));
}

function isUnfiltered(key: Key): boolean {
  return Object.values((key[3] ?? {}) as Record<string, string>).every((value) => value === '');
}

function changePages(
  key: Key,
  change: (items: readonly Preview[], page: number) => readonly Preview[],
): void {
  queryClient.setQueryData<Pages>(
    key,
    (data) =>
      data && {
        ...data,
        pages: data.pages.map((page, index) => ({ ...page, items: change(page.items, index) })),
      },
  );
}
