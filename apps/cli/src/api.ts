/** Culvert's API as the commands call it. Failures are CliErrors that say what to do next. */
import { ApiClient, type Credential, type Read, type ApiTransport } from '@culvert/api-client';
import { apiError, type ExposedPreview, PREVIEW_READINGS, VERSION } from '@culvert/client';
import {
  apiKeyPage,
  createdApiKeyResource,
  createdShareLinkResource,
  interceptResource,
  pageOf,
  serverResource,
  sessionPage,
  trafficManagerPage,
} from '@culvert/contract';
import type { z } from 'zod';
import { asCliError } from './cli-error.js';
import { COMMAND_WORDING, problemCodeOf } from './problem-error.js';

const CALL_TIMEOUT_MS = 30_000;
/** Limit of a response. A page of 200 previews needs less than half of it. */
const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;

/** An older server does not report what was removed. */
const intercept = interceptResource.partial({ removedPreview: true });

const READINGS = {
  ...PREVIEW_READINGS,
  createApiKey: createdApiKeyResource,
  createShareLink: createdShareLinkResource,
  getIntercept: intercept,
  getServer: serverResource,
  listApiKeys: apiKeyPage,
  listIntercepts: pageOf(intercept),
  listPreviews: pageOf(PREVIEW_READINGS.getPreview),
  listSessions: sessionPage,
  listTrafficManagers: trafficManagerPage,
  rotateApiKey: createdApiKeyResource,
} as const;

export type Api = ApiClient<typeof READINGS>;

export type ApiKey = Read<z.output<(typeof READINGS)['listApiKeys']>>['items'][number];
export type CreatedApiKey = Read<z.output<(typeof READINGS)['createApiKey']>>;
export type Intercept = Read<z.output<typeof intercept>>;
export type Me = Read<z.output<(typeof READINGS)['getMe']>>;
export type Preview = ExposedPreview;
export type Session = Read<z.output<(typeof READINGS)['getSession']>>;

export interface ApiOptions {
  readonly url: string;
  readonly http: ApiTransport;
  readonly bearer: Credential;
  /** What to do when Culvert does not accept the credential. */
  readonly signInHint: string;
  /** Aborts calls in progress. */
  readonly signal: AbortSignal;
}

export function createApi({ url, http, bearer, signInHint, signal }: ApiOptions): Api {
  return new ApiClient({
    url,
    http,
    credential: bearer,
    readings: READINGS,
    toError: (failure) => asCliError(apiError(url, failure, signInHint, COMMAND_WORDING)),
    timeoutMs: CALL_TIMEOUT_MS,
    maxResponseBytes: MAX_RESPONSE_BYTES,
    userAgent: `culvert/${VERSION} (${process.platform})`,
    signal,
  });
}

/** Returns the version of Culvert that answers, or null if it does not report one. */
export async function serverVersion(api: Api): Promise<string | null> {
  try {
    return (await api.call('getServer')).version;
  } catch (error) {
    if (problemCodeOf(error) === 'route_not_found') return null;
    throw error;
  }
}
