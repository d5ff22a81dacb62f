import type { Intercept, InterceptDraft } from './intercept.js';
import type { Preview, PreviewDraft } from './preview.js';

/** A preview that a traffic manager itself asks for, together with its intercept. */
export interface PreviewRequest {
  /** ID that the traffic manager chose for itself; it is created if it is new. */
  readonly managerId: string;
  /** Name of a new traffic manager. */
  readonly managerName: string;
  readonly interceptId: string;
  readonly intercept: Omit<InterceptDraft, 'trafficManagerId'>;
  /** `hostname` is used unless the previous one of this intercept is available. */
  readonly preview: Omit<PreviewDraft, 'interceptId'>;
  readonly maxPreviews: number;
  readonly at: Date;
}

/**
 * - `intercept-taken`: another traffic manager of the team has an intercept with this ID
 * - `limit-reached`: the team has reached its limit of previews
 */
export type PreviewRequestRefusal = 'intercept-taken' | 'limit-reached';

export interface RequestedPreview {
  readonly preview: Preview;
  /** The previous state of the preview, if the request only replaced its fields; null: it is new. */
  readonly before: Preview | null;
}

/** An intercept with its previews. */
export interface InterceptPreviews {
  readonly intercept: Intercept;
  readonly previews: readonly Preview[];
}

/** Time for which the hostname of an ended preview is kept for the same client, workload, namespace and name. */
export const HOSTNAME_MEMORY_MS = 7 * 24 * 60 * 60 * 1000;
