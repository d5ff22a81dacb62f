/** Culvert's REST API, as libs/contract describes it. Failures are CliErrors that say what to do next. */
import {
  apiKeyPage,
  createdApiKeyResource,
  createdShareLinkResource,
  interceptResource,
  meResource,
  pageOf,
  previewPage,
  previewResource,
  problemResource,
  serverResource,
  sessionPage,
  sessionResource,
  teamResource,
  trafficManagerPage,
  type ApiKeyResource,
  type createApiKeyRequest,
  type CreatedApiKeyResource,
  type createPreviewRequest,
  type CreatedShareLinkResource,
  type createShareLinkRequest,
  type PreviewResource,
  type rotateApiKeyRequest,
  type SessionResource,
  type TrafficManagerResource,
  type updatePreviewRequest,
} from '@culvert/contract';
import { z } from 'zod';
import { CliError } from './cli-error.js';
import { EXIT } from './exit-code.js';
import { unreachable, type Fetch } from './http.js';
import { problemCodeOf, problemError } from './problem-error.js';
import { VERSION } from './version.js';

const CALL_TIMEOUT_MS = 30_000;
const PAGE_SIZE = 200;
/** Of an answer: a page of 200 previews has less than half of it. */
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;

/** What requests show themselves with. */
export interface Bearer {
  /** The secret to send; asked for before each request. */
  secret(): Promise<string>;
  /** Told that `secret` was refused. Whether there is another one now, so that the request is worth repeating. */
  renew(secret: string): Promise<boolean>;
}

export interface ApiClientOptions {
  readonly url: string;
  readonly fetch: Fetch;
  readonly bearer: Bearer;
  /** Ends calls under way. */
  readonly signal: AbortSignal;
}

/** Without what an older server does not say, and no command needs. */
const me = meResource.omit({ mayCreateTeam: true });
export type Me = z.output<typeof me>;

/** An older server does not say what was removed. */
const intercept = interceptResource.partial({ removedPreview: true });
const interceptPage = pageOf(intercept);
export type Intercept = z.output<typeof intercept>;

type Query = Readonly<Record<string, string | undefined>>;

export class ApiClient {
  constructor(private readonly options: ApiClientOptions) {}

  me(): Promise<Me> {
    return this.call('GET', '/me', me);
  }

  /** Which version of Culvert answers; null for one that does not tell. */
  async serverVersion(): Promise<string | null> {
    try {
      return (await this.call('GET', '/server', serverResource)).version;
    } catch (error) {
      if (problemCodeOf(error) === 'route_not_found') return null;
      throw error;
    }
  }

  team(): Promise<z.output<typeof teamResource>> {
    return this.call('GET', '/team', teamResource);
  }

  trafficManagers(): Promise<TrafficManagerResource[]> {
    return this.list('/traffic-managers', {}, trafficManagerPage);
  }

  /** Sessions of traffic managers in one state. */
  sessions(query: { readonly state?: SessionResource['state'] }): Promise<SessionResource[]> {
    return this.list('/sessions', query, sessionPage);
  }

  session(id: string): Promise<SessionResource> {
    return this.call('GET', `/sessions/${encodeURIComponent(id)}`, sessionResource);
  }

  /** With its sessions, intercepts and previews. */
  async deleteTrafficManager(id: string): Promise<void> {
    await this.call('DELETE', `/traffic-managers/${encodeURIComponent(id)}`, z.null());
  }

  /** With its previews. */
  async deleteIntercept(id: string): Promise<void> {
    await this.call('DELETE', `/intercepts/${encodeURIComponent(id)}`, z.null());
  }

  intercepts(query: { readonly trafficManagerId?: string } = {}): Promise<Intercept[]> {
    return this.list('/intercepts', query, interceptPage);
  }

  intercept(id: string): Promise<Intercept> {
    return this.call('GET', `/intercepts/${encodeURIComponent(id)}`, intercept);
  }

  previews(
    query: { readonly search?: string; readonly workload?: string; readonly client?: string } = {},
  ): Promise<PreviewResource[]> {
    return this.list('/previews', query, previewPage);
  }

  /** The newest page of those that have this text in their names. */
  async someOfPreviews(search: string): Promise<PreviewResource[]> {
    const query = new URLSearchParams({ limit: String(PAGE_SIZE), ...(search !== '' && { search }) });
    return (await this.call('GET', `/previews?${query.toString()}`, previewPage)).items;
  }

  preview(id: string): Promise<PreviewResource> {
    return this.call('GET', `/previews/${encodeURIComponent(id)}`, previewResource);
  }

  createPreview(body: z.input<typeof createPreviewRequest>): Promise<PreviewResource> {
    return this.call('POST', '/previews', previewResource, body);
  }

  updatePreview(id: string, body: z.input<typeof updatePreviewRequest>): Promise<PreviewResource> {
    return this.call('PATCH', `/previews/${encodeURIComponent(id)}`, previewResource, body);
  }

  async deletePreview(id: string): Promise<void> {
    await this.call('DELETE', `/previews/${encodeURIComponent(id)}`, z.null());
  }

  createShareLink(
    previewId: string,
    body: z.input<typeof createShareLinkRequest>,
  ): Promise<CreatedShareLinkResource> {
    const path = `/previews/${encodeURIComponent(previewId)}/share-links`;
    return this.call('POST', path, createdShareLinkResource, body);
  }

  apiKeys(): Promise<ApiKeyResource[]> {
    return this.list('/api-keys', {}, apiKeyPage);
  }

  createApiKey(body: z.input<typeof createApiKeyRequest>): Promise<CreatedApiKeyResource> {
    return this.call('POST', '/api-keys', createdApiKeyResource, body);
  }

  rotateApiKey(id: string, body: z.input<typeof rotateApiKeyRequest>): Promise<CreatedApiKeyResource> {
    return this.call('POST', `/api-keys/${encodeURIComponent(id)}/rotate`, createdApiKeyResource, body);
  }

  async revokeApiKey(id: string): Promise<void> {
    await this.call('DELETE', `/api-keys/${encodeURIComponent(id)}`, z.null());
  }

  /** All pages of a list. */
  async list<Item>(
    path: string,
    query: Query,
    page: z.ZodType<{ items: Item[]; nextCursor: string | null }>,
  ): Promise<Item[]> {
    const items: Item[] = [];
    const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined);
    for (let cursor: string | null = ''; cursor !== null;) {
      const search = new URLSearchParams([...given, ['limit', String(PAGE_SIZE)]]);
      if (cursor !== '') search.set('cursor', cursor);
      const found: { items: Item[]; nextCursor: string | null } = await this.call(
        'GET',
        `${path}?${search.toString()}`,
        page,
      );
      items.push(...found.items);
      cursor = found.nextCursor;
    }
    return items;
  }

  /**
   * One request below `/api/v1`. @param answer what a good answer holds; null stands for none
   * @throws CliError
   */
  async call<T>(method: string, path: string, answer: z.ZodType<T>, body?: object): Promise<T> {
    const { bearer, url } = this.options;
    const secret = await bearer.secret();
    let response = await this.#send(method, path, secret, body);
    if (response.status === 401 && (await bearer.renew(secret)))
      response = await this.#send(method, path, await bearer.secret(), body);
    const { status, text, retryAfter, location } = response;
    const value = parseJson(text);
    if (status < 200 || status >= 300) {
      const problem = problemResource.safeParse(value);
      throw problem.success ? problemError(problem.data, retryAfter) : notCulvert(url, status, { location });
    }
    const read = answer.safeParse(value);
    if (read.success) return read.data;
    // A later server says more than this version knows: that is no reason to understand nothing.
    if (read.error.issues.every(({ code }) => code === 'unrecognized_keys' || code === 'invalid_value'))
      return value as T;
    throw notCulvert(url, status, { cause: read.error });
  }

  async #send(method: string, path: string, secret: string, body: object | undefined) {
    const { url, fetch, signal } = this.options;
    try {
      const response = await fetch(`${url}/api/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${secret}`,
          accept: 'application/json',
          'user-agent': `culvert/${VERSION} (${process.platform})`,
          ...(body && { 'content-type': 'application/json' }),
        },
        ...(body && { body: JSON.stringify(body) }),
        // A credential follows no redirect.
        redirect: 'manual',
        signal: AbortSignal.any([signal, AbortSignal.timeout(CALL_TIMEOUT_MS)]),
      });
      return {
        status: response.status,
        retryAfter: response.headers.get('retry-after'),
        location: response.headers.get('location'),
        text: await readText(response),
      };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      throw unreachable(url, error);
    }
  }
}

/** @throws RangeError when it is too long */
async function readText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new RangeError('the answer is too long');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Undefined for what is no JSON; null for nothing at all. */
function parseJson(text: string): unknown {
  if (text === '') return null;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function notCulvert(
  url: string,
  status: number,
  { location, cause }: { readonly location?: string | null; readonly cause?: unknown },
): CliError {
  let hint = 'Look whether it is the address of Culvert, and whether it is newer than this program.';
  if (location) hint = `It leads to ${location}: if that is Culvert, use its address.`;
  else if (status >= 502) hint = 'What stands in front of Culvert does not reach it: try again later.';
  const message = `${url} does not answer as Culvert does (HTTP ${status})`;
  return new CliError(EXIT.unreachable, message, { hint, cause });
}
