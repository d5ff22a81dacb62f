import type { Intercept, InterceptDraft } from './intercept.js';
import type { Preview, PreviewDraft } from './preview.js';

/** A preview that a traffic manager itself asks for, together with its intercept. */
export interface PreviewRequest {
  /** What the traffic manager calls itself; created when it is new. */
  readonly managerId: string;
  /** What a new traffic manager is called. */
  readonly managerName: string;
  readonly interceptId: string;
  readonly intercept: Omit<InterceptDraft, 'trafficManagerId'>;
  /** `hostname` is used unless the one that this intercept had before is to be had. */
  readonly preview: Omit<PreviewDraft, 'interceptId'>;
  readonly maxPreviews: number;
  readonly at: Date;
}

/**
 * - `intercept-taken`: another traffic manager of the team has an intercept of this id
 * - `limit-reached`: the team has as many previews as it may
 */
export type PreviewRequestRefusal = 'intercept-taken' | 'limit-reached';

export interface RequestedPreview {
  readonly preview: Preview;
  /** The same as it was, when the request only replaced its fields; null: it is new. */
  readonly before: Preview | null;
}

/** An intercept with its previews. */
export interface InterceptPreviews {
  readonly intercept: Intercept;
  readonly previews: readonly Preview[];
}

/** How long the hostname of a preview that ended is kept for the same client, workload, namespace and name. */
export const HOSTNAME_MEMORY_MS = 7 * 24 * 60 * 60 * 1000;
