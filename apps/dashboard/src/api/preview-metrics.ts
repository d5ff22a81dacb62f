import { queryOptions } from '@tanstack/react-query';
import { answerOf, api, type Schemas } from './client.js';
import { keyOf } from './keys.js';

/** Milliseconds within which counts from edges arrive. */
const FRESH_MS = 15_000;
const MINUTES = 60;

/** Requests and errors of one preview, one number per step, oldest first. */
export interface Traffic {
  readonly requests: readonly number[];
  readonly errors: readonly number[];
}

/** Query for the last hour of each preview, by its ID. Previews without traffic are left out. */
export const trafficOfPreviews = () =>
  queryOptions({
    queryKey: keyOf('preview-metrics', 'all'),
    queryFn: async (): Promise<ReadonlyMap<string, Traffic>> => {
      const query = { minutes: MINUTES };
      const { items } = await answerOf(api.GET('/api/v1/preview-metrics', { params: { query } }));
      return new Map(items.map(({ previewId, requests, errors }) => [previewId, { requests, errors }]));
    },
    refetchInterval: FRESH_MS,
    // A Map cannot share its structure.
    structuralSharing: false,
  });

export type PreviewMetrics = Schemas['PreviewMetrics'];

/** Query for the last hour of one preview. */
export const metricsOfPreview = (previewId: string) =>
  queryOptions({
    queryKey: keyOf('preview-metrics', previewId),
    queryFn: () =>
      answerOf(
        api.GET('/api/v1/previews/{previewId}/metrics', {
          params: { path: { previewId }, query: { minutes: MINUTES } },
        }),
      ),
    refetchInterval: FRESH_MS,
  });

/** Returns everything that was not a success, by step. */
export function errorsOfMetrics({ clientErrors, serverErrors, edgeErrors }: PreviewMetrics): number[] {
  return clientErrors.map((count, step) => count + (serverErrors[step] ?? 0) + (edgeErrors[step] ?? 0));
}

export function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0);
}
