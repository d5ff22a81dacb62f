import { z } from 'zod';
import { timestamp } from './text.js';

/** How long series are kept, in minutes. */
export const MAX_METRICS_MINUTES = 1440;
/** Previews in one answer about a team. */
export const MAX_METRICS_PREVIEWS = 1000;
/** Steps of one answer about a team: longer times have longer steps. */
export const MAX_TEAM_METRICS_STEPS = 60;

export const previewMetricsQuery = z.strictObject({
  minutes: z.coerce
    .number('must be a number')
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(MAX_METRICS_MINUTES, `must be at most ${MAX_METRICS_MINUTES}`)
    .default(60)
    .describe('How many minutes back, the one that has begun included.'),
});
export type PreviewMetricsQuery = z.output<typeof previewMetricsQuery>;

const counts = z.array(z.int());
const from = timestamp.describe('When the first step begins.');
const stepSeconds = z.int();

/** One number per step, the oldest first. */
export const previewMetrics = z.strictObject({
  from,
  stepSeconds,
  requests: counts.describe('That passed the gate, by when they did.'),
  clientErrors: counts.describe('Answers of the service with a status of 400 to 499.'),
  serverErrors: counts.describe('Answers of the service with a status of 500 and above.'),
  edgeErrors: counts.describe(
    'Answers that Culvert gave instead of the service, and answers that broke off on their way.',
  ),
  bytesIn: counts.describe('Sent to the service, heads included.'),
  bytesOut: counts.describe('Received from the service, heads included.'),
  answers: counts.describe('Heads of answers of the service: what the next two are about.'),
  firstByteMsSum: z
    .array(z.number())
    .describe('From the request to the head of its answer, waiting for a traffic manager included.'),
  firstByteMsMax: z.array(z.number()),
});
export type PreviewMetrics = z.output<typeof previewMetrics>;

export const teamMetrics = z.strictObject({
  from,
  stepSeconds: stepSeconds.describe('60, or more so that there are at most 60 steps.'),
  items: z
    .array(
      z.strictObject({
        previewId: z.string(),
        requests: counts,
        errors: counts.describe('All that previewMetrics tells apart.'),
      }),
    )
    .describe(
      `Previews that had any traffic, at most ${MAX_METRICS_PREVIEWS}: those with the most requests.`,
    ),
  isComplete: z.boolean().describe('Whether no preview was left out.'),
});
export type TeamMetrics = z.output<typeof teamMetrics>;
