import type { TunnelKind } from '@culvert/terms';
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
   * Creates or refreshes the traffic manager, the intercept and its preview, all or nothing. The hostname that the
   * same client, workload, namespace and name of the team had within `HOSTNAME_MEMORY_MS` comes back (however old that
   * of a `removedPreview` of the intercept is), also from a
   * preview of a traffic manager that is not connected any more, which ends then; never one that lives elsewhere.
   * Throws HostnameTakenError when the new hostname is in use.
   */
  open(teamId: string, request: PreviewRequest): Promise<RequestedPreview | PreviewRequestRefusal>;
  /**
   * Removes the preview of this hostname if it is one of this traffic manager's, and was not changed or asked for again
   * after `calledAt`; null otherwise.
   */
  close(teamId: string, managerId: string, hostname: string, calledAt: Date): Promise<Preview | null>;
  /**
   * Removes an intercept of this traffic manager with its previews, unless it was changed or asked for again after
   * `calledAt`; returns them, or null.
   */
  closeIntercept(
    teamId: string,
    managerId: string,
    interceptId: string,
    calledAt: Date,
  ): Promise<InterceptPreviews | null>;
  /** Everything that one traffic manager (by its id) intercepts. */
  list(teamId: string, trafficManagerId: string): Promise<InterceptPreviews[]>;
  /** The ingress of the newest preview for a service of the team. */
  findIngress(teamId: string, namespace: string, serviceName: string): Promise<Ingress | null>;
  /** Across teams: traffic managers of this kind not seen since `seenBefore`. At most 100. */
  findAbandoned(
    kind: TunnelKind,
    seenBefore: Date,
  ): Promise<{ readonly teamId: string; readonly id: string }[]>;
  /** Drops the `removedPreview` of an intercept, if it has this hostname. Reports whether there was one. */
  dropRemoved(teamId: string, interceptId: string, hostname: string): Promise<boolean>;
  /**
   * Forgets hostnames, of any team, that are free since before this and are not those of a `removedPreview`. Returns how
   * many.
   */
  forgetHostnames(freeBefore: Date): Promise<number>;
}
