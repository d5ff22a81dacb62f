import { queryOptions } from '@tanstack/react-query';
import { allPages } from '../../api/all-pages.js';
import { answerOf, api, type Schemas } from '../../api/client.js';
import { keyOf } from '../../api/keys.js';
import { onChange } from '../../api/live.js';
import { queryClient } from '../../api/query-client.js';

export type Intercept = Schemas['Intercept'];
export type Preview = Schemas['Preview'];

/** Query for every intercept of the team. */
export const intercepts = () =>
  queryOptions({
    queryKey: keyOf('intercept', 'all'),
    queryFn: () =>
      allPages<Intercept>((query) => answerOf(api.GET('/api/v1/intercepts', { params: { query } }))),
  });

/** Query for the previews of each intercept, by its ID. */
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

/**
 * Fetches the previews of intercepts after changes. The list of previews updates single items itself, and does not
 * refresh other queries.
 */
export function followPreviewsOfIntercepts(): () => void {
  return onChange(({ resource }) => {
    if (resource === 'preview') void queryClient.invalidateQueries(previewsByIntercept());
    return false;
  });
}
