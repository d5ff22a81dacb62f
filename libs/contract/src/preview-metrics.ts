import { z } from 'zod';
import { timestamp } from './text.js';

/** Minutes for which series are kept. */
export const MAX_METRICS_MINUTES = 1440;
/** Maximum number of previews in one response about a team. */
export const MAX_METRICS_PREVIEWS = 1000;
/** Maximum number of steps in one response about a team: longer times have longer steps. */
export const MAX_TEAM_METRICS_STEPS = 60;

export const previewMetricsQuery = z.strictObject({
  minutes: z.coerce
    .number('must be a number')
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(MAX_METRICS_MINUTES, `must be at most ${MAX_METRICS_MINUTES}`)
    .default(60)
    .describe('Number of minutes to cover, including the current one.'),
});
export type PreviewMetricsQuery = z.output<typeof previewMetricsQuery>;

const counts = z.array(z.int());
const from = timestamp.describe('Time when the first step begins.');
const stepSeconds = z.int();

/** One number per step, oldest first. */
export const previewMetrics = z.strictObject({
  from,
  stepSeconds,
  requests: counts.describe('Requests that passed the gate, counted when they passed it.'),
  clientErrors: counts.describe('Responses of the service with a status of 400 to 499.'),
  serverErrors: counts.describe('Responses of the service with a status of 500 and above.'),
  edgeErrors: counts.describe(
    'Responses that Culvert sent instead of the service, and responses that broke off.',
  ),
  bytesIn: counts.describe('Bytes sent to the service, including heads.'),
  bytesOut: counts.describe('Bytes received from the service, including heads.'),
  answers: counts.describe('Response heads of the service, on which the next two are based.'),
  firstByteMsSum: z
    .array(z.number())
    .describe('Time from the request to the head of its response, including waiting for a traffic manager.'),
  firstByteMsMax: z.array(z.number()),
});
export type PreviewMetrics = z.output<typeof previewMetrics>;

export const teamMetrics = z.strictObject({
  from,
  stepSeconds: stepSeconds.describe('Seconds per step: 60, or more so that there are at most 60 steps.'),
  items: z
    .array(
      z.strictObject({
        previewId: z.string(),
        requests: counts,
        errors: counts.describe('All errors that previewMetrics counts separately.'),
      }),
    )
    .describe(`Previews that had traffic, at most ${MAX_METRICS_PREVIEWS}: those with the most requests.`),
  isComplete: z.boolean().describe('Whether the list has every preview with traffic.'),
});
export type TeamMetrics = z.output<typeof teamMetrics>;
