import { ApiClient, type Credential } from '@culvert/api-client';
import type { HttpClient } from '@culvert/outbound';
import { PREVIEW_READINGS, type PreviewApi } from '../exposure/preview-api.js';
import { signInHint } from '../settings/bearer.js';
import type { Settings } from '../settings/settings.js';
import { VERSION } from '../version.js';
import { apiError } from './api-error.js';

/** Time limit of a call. */
export const CALL_TIMEOUT_MS = 30_000;
/** Limit of a response. A page of 200 previews needs less than half of it. */
export const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;
/** How programs of this library introduce themselves. */
export const USER_AGENT = `culvert-client/${VERSION} (${process.platform})`;

/** Returns the calls that an exposure makes. They reject with `ClientError`. */
export function createPreviewApi(
  settings: Settings,
  http: HttpClient,
  { bearer, signal }: { readonly bearer: Credential; readonly signal: AbortSignal },
): PreviewApi {
  const { url } = settings;
  return new ApiClient({
    url,
    http,
    credential: bearer,
    readings: PREVIEW_READINGS,
    toError: (failure) => apiError(url, failure, signInHint(settings)),
    timeoutMs: CALL_TIMEOUT_MS,
    maxResponseBytes: MAX_RESPONSE_BYTES,
    userAgent: USER_AGENT,
    signal,
  });
}
