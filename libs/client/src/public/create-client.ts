/** The client of the whole API, for programs. */
import { ApiClient, type ApiReadings } from '@culvert/api-client';
import { OPERATIONS } from '@culvert/contract';
import { apiError } from '../api/api-error.js';
import { CALL_TIMEOUT_MS, MAX_RESPONSE_BYTES, USER_AGENT } from '../api/create-preview-api.js';
import { createHttpClient } from '../api/http.js';
import { PREVIEW_READINGS } from '../exposure/preview-api.js';
import { createBearer, signInHint } from '../settings/bearer.js';
import { readSettings } from '../settings/settings.js';
import type { CulvertClient } from './client-types.js';
import type { ConnectionOptions } from './types.js';

export interface ClientOptions extends ConnectionOptions {
  /** Ends calls in progress, which then reject with its reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A call as this module makes it. The types of the client are those of the OpenAPI document. */
type AnyCall = (id: string, input?: object) => Promise<unknown>;

/**
 * Returns a client of Culvert's API. It sends nothing before the first call.
 * @throws ClientError if a setting is wrong, or there is no credential
 */
export function createClient(options: ClientOptions = {}): CulvertClient {
  const settings = readSettings(options, process.env);
  const { url, ca } = settings;
  const http = createHttpClient(ca);
  const api = new ApiClient({
    url,
    http,
    credential: createBearer(settings, http),
    readings: READINGS,
    toError: (failure) => apiError(url, failure, signInHint(settings)),
    timeoutMs: CALL_TIMEOUT_MS,
    maxResponseBytes: MAX_RESPONSE_BYTES,
    userAgent: USER_AGENT,
    ...(options.signal && { signal: options.signal }),
  });
  const call = api.call.bind(api) as AnyCall;
  const methods = CLIENT_OPERATION_IDS.map((id) => [id, (input?: object) => call(id, input)] as const);
  return {
    ...Object.fromEntries(methods),
    all: api.list.bind(api) as AnyCall,
    close: () => http.close(),
  } as unknown as CulvertClient;
}

/** How responses are read: by the contract, without the fields that older servers lack. */
const READINGS: ApiReadings = {
  ...Object.fromEntries(
    OPERATIONS.flatMap(({ id, response }) => (typeof response === 'object' ? [[id, response]] : [])),
  ),
  ...PREVIEW_READINGS,
};

/** Ids of the operations that a client has a method for. */
export const CLIENT_OPERATION_IDS: readonly string[] = OPERATIONS.filter(
  ({ response }) => typeof response !== 'string',
).map(({ id }) => id);
