import type { Disposition } from '@culvert/terms';
import type { PreviewDraft } from './preview.js';

/** A workload whose traffic is intercepted, and the requests that match. The cluster does the intercepting. */
export interface Intercept {
  /** `<uuid>:<name>`; the value of `x-telepresence-intercept-id`. Unique within the team. */
  readonly id: string;
  readonly teamId: string;
  readonly trafficManagerId: string;
  readonly name: string;
  /** Person or machine that intercepts, `user@host`, or empty. */
  readonly client: string;
  readonly workload: string;
  readonly workloadKind: string;
  readonly namespace: string;
  /** `http`, `tcp` or empty. */
  readonly mechanism: string;
  readonly mechanismArgs: readonly string[];
  readonly targetHost: string;
  /** Target port; 0 if unknown. */
  readonly targetPort: number;
  readonly serviceName: string;
  readonly servicePortIdentifier: string;
  readonly disposition: Disposition;
  /** Explains the disposition, or empty. */
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Request headers that the cluster matches, by name; values may be regular expressions. Empty if unknown. */
  readonly headers: Readonly<Record<string, string>>;
  /** Preview that was removed while its Telepresence manager still shows its hostname. */
  readonly removedPreview: RemovedPreview | null;
  readonly createdAt: Date;
  /** What its traffic manager reports does not count. */
  readonly updatedAt: Date;
}

/** Fields that traffic managers report about an intercept while it lasts. */
export type InterceptStatus = Pick<Intercept, 'disposition' | 'message' | 'headers' | 'metadata'>;

/** Settings of a preview when it was removed, with which it can be restored. */
export type RemovedPreview = Omit<PreviewDraft, 'interceptId' | 'expiresAt' | 'keep'>;

/** Fields that the creator of an intercept sets. */
export type InterceptDraft = Omit<Intercept, 'id' | 'teamId' | 'removedPreview' | 'createdAt' | 'updatedAt'>;
