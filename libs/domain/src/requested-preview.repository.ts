import type { TunnelKind } from '@culvert/terms';
import type { InterceptStatus } from './intercept.js';
import type { Ingress, Preview } from './preview.js';
import type {
  InterceptPreviews,
  PreviewRequest,
  PreviewRequestRefusal,
  RequestedPreview,
} from './requested-preview.js';

/** Previews that traffic managers ask for themselves, as Telepresence's do. */
export interface RequestedPreviewRepository {
  /**
   * Creates or refreshes the traffic manager, the intercept and its preview, all or nothing. Reuses the hostname that
   * the same client, workload, namespace and name of the team had within `HOSTNAME_MEMORY_MS` (or that of a
   * `removedPreview` of the intercept, however old), also from a preview of a traffic manager that is no longer
   * connected, which then ends; but never one that lives elsewhere. Throws HostnameTakenError if the new hostname is in
   * use.
   */
  open(teamId: string, request: PreviewRequest): Promise<RequestedPreview | PreviewRequestRefusal>;
  /**
   * Removes the preview with this hostname if it belongs to this traffic manager, and was not changed or asked for
   * again after `calledAt`; null otherwise.
   */
  close(teamId: string, managerId: string, hostname: string, calledAt: Date): Promise<Preview | null>;
  /**
   * Removes an intercept of this traffic manager with its previews, unless it was changed or asked for again after
   * `calledAt`. Returns the previews, or null.
   */
  closeIntercept(
    teamId: string,
    managerId: string,
    interceptId: string,
    calledAt: Date,
  ): Promise<InterceptPreviews | null>;
  /**
   * Stores what a traffic manager reports about an intercept. Does not count as a change: a removal that was asked for
   * before must still find the intercept.
   */
  followIntercept(teamId: string, interceptId: string, shown: InterceptStatus): Promise<void>;
  /** Stores the ingress that a traffic manager reports for a preview. Does not count as a change either. */
  followIngress(teamId: string, previewId: string, ingress: Ingress): Promise<void>;
  /** Returns every intercept of one traffic manager (by its ID). */
  list(teamId: string, trafficManagerId: string): Promise<InterceptPreviews[]>;
  /** Returns the ingress of the newest preview for a service of the team. */
  findIngress(teamId: string, namespace: string, serviceName: string): Promise<Ingress | null>;
  /** Across teams: returns at most 100 traffic managers of this kind last seen before `seenBefore`. */
  findAbandoned(
    kind: TunnelKind,
    seenBefore: Date,
  ): Promise<{ readonly teamId: string; readonly id: string }[]>;
  /** Drops the `removedPreview` of an intercept if it has this hostname. Reports whether there was one. */
  dropRemoved(teamId: string, interceptId: string, hostname: string): Promise<boolean>;
  /**
   * Forgets hostnames of any team that have been free since before this moment and do not belong to a `removedPreview`.
   * Returns how many.
   */
  forgetHostnames(freeBefore: Date): Promise<number>;
}
