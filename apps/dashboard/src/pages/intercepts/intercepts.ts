import { queryOptions } from '@tanstack/react-query';
import { allPages } from '../../api/all-pages.js';
import { answerOf, api, type Schemas } from '../../api/client.js';
import { keyOf } from '../../api/keys.js';
import { onChange } from '../../api/live.js';
import { queryClient } from '../../api/query-client.js';
import type { Tone } from '../../components/state-dot.js';

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

/** What the cluster says of an intercept, for people. */
export const DISPOSITIONS: Readonly<
  Record<Intercept['disposition'], { readonly label: string; readonly tone: Tone; readonly about: string }>
> = {
  UNSPECIFIED: {
    label: 'Not reported',
    tone: 'off',
    about: 'The cluster does not say what it does with it.',
  },
  ACTIVE: { label: 'Active', tone: 'good', about: 'The cluster intercepts the traffic.' },
  WAITING: { label: 'Waiting', tone: 'waiting', about: 'The cluster is preparing the interception.' },
  NO_CLIENT: {
    label: 'No client',
    tone: 'bad',
    about: 'Whoever intercepts is not connected to the cluster.',
  },
  NO_AGENT: { label: 'No agent', tone: 'bad', about: 'The workload has no traffic agent.' },
  NO_MECHANISM: { label: 'No mechanism', tone: 'bad', about: 'The agent does not know this mechanism.' },
  NO_PORTS: { label: 'No ports', tone: 'bad', about: 'The service has no port that could be intercepted.' },
  AGENT_ERROR: { label: 'Agent error', tone: 'bad', about: 'The agent could not set the interception up.' },
  BAD_ARGS: { label: 'Bad arguments', tone: 'bad', about: 'The mechanism does not take these arguments.' },
};
