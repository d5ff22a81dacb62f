import { z } from 'zod';
import type { Forge } from './forge.js';

/**
 * - `refused`: the forge will refuse again: wrong token, or no such pull request
 * - `limited`: the forge wants to be called later
 * - `away`: the forge does not answer, or not correctly
 */
export type ForgeFailure = 'refused' | 'limited' | 'away';

/** A forge did not do what was requested. The message is for the preview's team and contains no secret. */
export class ForgeError extends Error {
  constructor(
    readonly kind: ForgeFailure,
    message: string,
    readonly status: number,
    /** When to call it again; null if it did not say. */
    readonly retryAt: Date | null = null,
  ) {
    super(message);
  }
}

const REQUEST_TIMEOUT_MS = 10_000;
/** Size of a page of a hundred comments of 64 KiB. */
const MAX_RESPONSE_BYTES = 8 * 1024 * 1024;
/** Longest limit of any forge. */
const MAX_RETRY_MS = 24 * 60 * 60 * 1000;

const comment = z.object({ id: z.int(), body: z.string().nullish(), html_url: z.url().optional() });
export type ForgeComment = z.output<typeof comment>;

/** The few calls for comments, the same for both forges. */
export class ForgeClient {
  constructor(
    readonly forge: Forge,
    private readonly signal: AbortSignal,
  ) {}

  async list(path: string, page: number, pageSize: number): Promise<ForgeComment[]> {
    const query = `per_page=${pageSize}&page=${page}&sort=asc&order_by=created_at`;
    return this.call('GET', `${path}?${query}`, z.array(comment));
  }

  create(path: string, body: string): Promise<ForgeComment> {
    return this.call('POST', path, comment, { body });
  }

  update(path: string, body: string): Promise<ForgeComment> {
    return this.call(this.forge.updateMethod, path, comment, { body });
  }

  private async call<T>(method: string, path: string, schema: z.ZodType<T>, body?: object): Promise<T> {
    const { name, apiUrl, headers } = this.forge;
    let response: Response;
    let text: string;
    try {
      response = await fetch(`${apiUrl}${path}`, {
        method,
        headers: { ...headers, 'user-agent': 'culvert', ...(body && { 'content-type': 'application/json' }) },
        // The token must not follow a redirect.
        redirect: 'manual',
        signal: AbortSignal.any([this.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
        ...(body && { body: JSON.stringify(body) }),
      });
      text = await readAll(response);
    } catch (cause) {
      // The cause may contain the address of an internal host; it is for the log.
      throw Object.assign(new ForgeError('away', `${name} does not answer`, 0), { cause });
    }
    if (!response.ok) throw refusal(name, response);
    const result = schema.safeParse(parseJson(text));
    if (!result.success) throw new ForgeError('away', `${name} sent an unexpected response`, response.status);
    return result.data;
  }
}

async function readAll(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_RESPONSE_BYTES) throw new Error(`more than ${MAX_RESPONSE_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusal(name: string, { status, headers }: Response): ForgeError {
  const retryAt = retryTime(headers);
  // GitHub also uses 403 for its limits.
  if (status === 429 || (status === 403 && retryAt !== null)) {
    return new ForgeError('limited', `${name} limits the number of requests`, status, retryAt);
  }
  if (status >= 500) return new ForgeError('away', `${name} failed (${status})`, status, retryAt);
  const reason = REASONS[status] ?? (status < 400 ? 'the repository has moved' : 'it refuses the comment');
  return new ForgeError('refused', `${name}: ${reason} (${status})`, status);
}

const REASONS: Readonly<Record<number, string>> = {
  401: 'the token is not valid',
  403: 'the token lacks permission to comment on this pull request',
  404: 'the pull request does not exist, or the token lacks permission to see it',
  410: 'the pull request no longer exists',
};

/** Returns the time in Retry-After (RFC 9110 §10.2.3), or of a limit that is used up. */
function retryTime(headers: Headers): Date | null {
  const after = headers.get('retry-after');
  const reset = headers.get('x-ratelimit-remaining') === '0' ? headers.get('x-ratelimit-reset') : null;
  const at =
    after !== null
      ? /^\d+$/.test(after)
        ? Date.now() + Number(after) * 1000
        : Date.parse(after)
      : reset === null
        ? NaN
        : Number(reset) * 1000;
  return Number.isFinite(at) ? new Date(Math.min(at, Date.now() + MAX_RETRY_MS)) : null;
}
