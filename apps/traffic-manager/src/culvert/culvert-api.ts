/** Culvert's API as a cluster calls it. Failures say what to do about them. */
import { ApiClient, type ApiFailure, type ApiTransport, keyCredential, type Read } from '@culvert/api-client';
import { interceptResource, meResource, pageOf, previewResource, sessionResource } from '@culvert/contract';
import { HttpClient, withUsualCertificates } from '@culvert/outbound';
import type { z } from 'zod';

/** Culvert refused a call, or did not answer it. */
export class CulvertApiError extends Error {
  override readonly name = 'CulvertApiError';
  constructor(
    /** HTTP status; null if there was no response. */
    readonly status: number | null,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }

  /** Whether the same call may succeed later without intervention. */
  get isPassing(): boolean {
    return this.status === null || this.status === 429 || this.status >= 500;
  }
}

const CALL_TIMEOUT_MS = 10_000;

/** Lists come in pages. */
const MAX_RESPONSE_BYTES = 4 * 1024 * 1024;

/** Reads only these fields of each response: a cluster is often newer than its Culvert. */
const intercept = interceptResource.pick({
  id: true,
  name: true,
  workload: true,
  namespace: true,
  disposition: true,
  message: true,
  client: true,
  targetHost: true,
  targetPort: true,
  servicePortIdentifier: true,
  metadata: true,
  headers: true,
});
const preview = previewResource
  .pick({
    id: true,
    url: true,
    displayBanner: true,
    pullRequestUrl: true,
    addRequestHeaders: true,
    pullRequest: true,
  })
  .extend({
    ingress: previewResource.shape.ingress.pick({ host: true, port: true, useTls: true, l5Host: true }),
  });

const READINGS = {
  createIntercept: intercept,
  createPreview: preview,
  getMe: meResource.pick({ team: true, scopes: true }),
  getSession: sessionResource.pick({ trafficManagerId: true }),
  listIntercepts: pageOf(intercept),
  listPreviews: pageOf(preview),
  updateIntercept: intercept,
  updatePreview: preview,
} as const;

export type CulvertApi = ApiClient<typeof READINGS>;
export type CulvertIntercept = Read<z.output<typeof intercept>>;
export type CulvertPreview = Read<z.output<typeof preview>>;
export type Me = Read<z.output<(typeof READINGS)['getMe']>>;

/** Calls reject with CulvertApiError. @param apiKey read again for every call */
export function createCulvertApi(url: URL, apiKey: () => Promise<string>, http: ApiTransport): CulvertApi {
  return new ApiClient({
    url: url.href,
    http,
    credential: keyCredential(apiKey),
    readings: READINGS,
    toError: (failure) => errorOf(url, failure),
    timeoutMs: CALL_TIMEOUT_MS,
    maxResponseBytes: MAX_RESPONSE_BYTES,
  });
}

const CONNECT_TIMEOUT_MS = 10_000;

/** Creates a client for Culvert's API. `ca`: PEM certificates to trust in addition to the usual ones. */
export function createHttpClient({
  ca,
  connectTimeoutMs = CONNECT_TIMEOUT_MS,
}: { readonly ca?: string | undefined; readonly connectTimeoutMs?: number } = {}): HttpClient {
  return new HttpClient({
    ca: withUsualCertificates(ca),
    connectTimeoutMs,
    timeoutMs: CALL_TIMEOUT_MS,
    maxResponseBytes: MAX_RESPONSE_BYTES,
    // The settings name Culvert, which may be in the same network.
    allowPrivateAddresses: true,
  });
}

/** Waits for a deletion. A thing that no longer exists counts as deleted. */
export async function unlessGone(deletion: Promise<void>): Promise<void> {
  try {
    await deletion;
  } catch (error) {
    if (!(error instanceof CulvertApiError) || error.status !== 404) throw error;
  }
}

function errorOf({ origin }: URL, failure: ApiFailure): CulvertApiError {
  const { call } = failure;
  switch (failure.kind) {
    case 'no-response': {
      const { cause } = failure;
      return new CulvertApiError(null, `${origin} did not answer ${call}: ${why(cause)}`, { cause });
    }
    case 'problem': {
      const { status, problem } = failure;
      return new CulvertApiError(status, `${call}: ${status} ${problem.detail ?? problem.title}`);
    }
    case 'not-culvert': {
      const { status, location, cause } = failure;
      const where = location === null ? '' : `, it redirects to ${location}`;
      const message = `${call}: ${status}, the response of ${origin} is not from Culvert${where}`;
      // A redirect comes from a server in between, such as the sign-in page of a network: retry soon.
      return new CulvertApiError(status >= 300 && status < 400 ? null : status, message, { cause });
    }
    default:
      throw new Error(`unhandled failure ${String(failure satisfies never)}`);
  }
}

/** Returns the message of the cause, which explains most. */
function why(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  const known = cause instanceof Error ? cause : (error as Error);
  return known.message === '' ? ((known as NodeJS.ErrnoException).code ?? known.name) : known.message;
}
