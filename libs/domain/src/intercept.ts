import type { Disposition } from '@culvert/terms';
import type { PreviewDraft } from './preview.js';

/** Which workload's traffic goes elsewhere, and how it is recognised. The cluster does the intercepting. */
export interface Intercept {
  /** `<uuid>:<name>`; the value of `x-telepresence-intercept-id`. Unique within the team. */
  readonly id: string;
  readonly teamId: string;
  readonly trafficManagerId: string;
  readonly name: string;
  /** Who intercepts, `user@host`, or empty. */
  readonly client: string;
  readonly workload: string;
  readonly workloadKind: string;
  readonly namespace: string;
  /** `http`, `tcp`, or empty. */
  readonly mechanism: string;
  readonly mechanismArgs: readonly string[];
  readonly targetHost: string;
  /** 0 when unknown. */
  readonly targetPort: number;
  readonly serviceName: string;
  readonly servicePortIdentifier: string;
  readonly disposition: Disposition;
  /** Explains the disposition, or empty. */
  readonly message: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Which request headers the cluster matches, by name; values may be regular expressions. Empty when unknown. */
  readonly headers: Readonly<Record<string, string>>;
  /** The preview that ended here while its Telepresence manager still shows its hostname. */
  readonly removedPreview: RemovedPreview | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

/** What a preview was when it ended, for the time when it is restored. */
export type RemovedPreview = Omit<PreviewDraft, 'interceptId' | 'expiresAt'>;

/** What the creator of an intercept decides. */
export type InterceptDraft = Omit<Intercept, 'id' | 'teamId' | 'removedPreview' | 'createdAt' | 'updatedAt'>;
