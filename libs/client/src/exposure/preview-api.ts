/** The operations of Culvert's API that an exposure calls. */
import type { ApiClient, ApiReadings, Read } from '@culvert/api-client';
import { meResource, previewResource, sessionResource } from '@culvert/contract';
import type { z } from 'zod';

/** A preview, from servers that lack the newest fields too. */
const preview = previewResource
  .extend({ ingress: previewResource.shape.ingress.partial({ addressedAs: true }) })
  .partial({ allowUpgrades: true, endsWithSession: true, keep: true });

/** How an exposure reads responses. An `ApiClient` with at least these readings can serve one. */
export const PREVIEW_READINGS = {
  createPreview: preview,
  /** Omits what no program needs and an older server does not send. That has no workload identities either. */
  getMe: meResource.omit({ mayCreateTeam: true }).partial({ workloadIdentity: true }),
  getPreview: preview,
  /** An older server does not report these. */
  getSession: sessionResource.partial({ tunnels: true, wantedTunnelCount: true }),
  updatePreview: preview,
} as const satisfies ApiReadings;

/** The preview of an exposed target. */
export type ExposedPreview = Read<z.output<typeof preview>>;

/** The calls that an exposure makes. They reject with `ClientError`. */
export type PreviewApi = Pick<ApiClient<typeof PREVIEW_READINGS>, 'call'>;
