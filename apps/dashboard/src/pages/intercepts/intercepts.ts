import { queryOptions } from '@tanstack/react-query';
import { allPages } from '../../api/all-pages.js';
import { answerOf, api, type Schemas } from '../../api/client.js';
import { keyOf } from '../../api/keys.js';
import { onChange } from '../../api/live.js';
import { queryClient } from '../../api/query-client.js';

export type Intercept = Schemas['Intercept'];
export type Preview = Schemas['Preview'];

/** Every intercept of the team. */
export const intercepts = () =>
  queryOptions({
    queryKey: keyOf('intercept', 'all'),
    queryFn: () =>
      allPages<Intercept>((query) => answerOf(api.GET('/api/v1/intercepts', { params: { query } }))),
  });

/** The previews of each intercept, by its id. */
export const previewsByIntercept = () =>
  queryOptions({
    queryKey: keyOf('preview', 'by-intercept'),
    queryFn: async () => {
      const previews = await allPages<Preview>(
        (query) => answerOf(api.GET('/api/v1/previews', { params: { query } })),
        5000,
      );
      const grouped = new Map<string, Preview[]>();
      for (const preview of previews) {
        const siblings = grouped.get(preview.interceptId);
        if (siblings) siblings.push(preview);
        else grouped.set(preview.interceptId, [preview]);
      }
      return grouped;
    },
  });

/** The list of previews keeps itself up to date by single items, and leaves other queries of previews as they are. */
export function followPreviewsOfIntercepts(): () => void {
  return onChange(({ resource }) => {
    if (resource === 'preview') void queryClient.invalidateQueries(previewsByIntercept());
    return false;
  });
}
