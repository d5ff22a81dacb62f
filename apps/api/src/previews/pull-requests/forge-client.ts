import type { HttpClient, HttpResponse } from '@culvert/outbound';
import type { z } from 'zod';
import type { Forge, ForgeComment } from './forge.js';

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
    /** Time when it may be called again; null if the forge did not say. */
    readonly retryAt: Date | null = null,
  ) {
    super(message);
  }
}

/** Longest limit of any forge. */
const MAX_RETRY_MS = 24 * 60 * 60 * 1000;

/** The few calls for comments, in the format of each forge. */
export class ForgeClient {
  constructor(
    readonly forge: Forge,
    private readonly http: HttpClient,
    private readonly signal: AbortSignal,
  ) {}

  /**
   * Returns the comments at `path`, page by page, oldest first. Ends after `maxPages` pages; an API without pages returns all
   * comments as the first one.
   */
  async *pages(
    path: string,
    { pageSize, maxPages }: { readonly pageSize: number; readonly maxPages: number },
  ): AsyncGenerator<readonly ForgeComment[]> {
    const { pageQuery, many } = this.forge.comments;
    for (let page = 1; page <= maxPages; page++) {
      const query = pageQuery === null ? '' : `?${pageQuery(page, pageSize)}`;
      const comments = await this.call('GET', `${path}${query}`, many);
      yield comments;
      if (pageQuery === null || comments.length < pageSize) return;
    }
  }

  create(path: string, markdown: string): Promise<ForgeComment> {
    const { write, one } = this.forge.comments;
    return this.call('POST', path, one, write(markdown));
  }

  update(path: string, markdown: string): Promise<ForgeComment> {
    const { updateMethod, write, one } = this.forge.comments;
    return this.call(updateMethod, path, one, write(markdown));
  }

  private async call<T>(method: string, path: string, schema: z.ZodType<T>, body?: object): Promise<T> {
    const { name, apiUrl, headers } = this.forge;
    let response: HttpResponse;
    try {
      response = await this.http.send({
        url: `${apiUrl}${path}`,
        method,
        headers: { ...headers, 'user-agent': 'culvert', ...(body && { 'content-type': 'application/json' }) },
        // The token must not follow a redirect.
        maxRedirects: 0,
        signal: this.signal,
        ...(body && { body: JSON.stringify(body) }),
      });
    } catch (cause) {
      // The cause may contain the address of an internal host; it is for the log.
      throw Object.assign(new ForgeError('away', `${name} does not answer`, 0), { cause });
    }
    if (!response.isSuccess) throw refusal(name, response);
    const result = schema.safeParse(parseJson(response.text));
    if (!result.success) throw new ForgeError('away', `${name} sent an unexpected response`, response.status);
    return result.data;
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function refusal(name: string, { status, headers }: HttpResponse): ForgeError {
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
function retryTime(headers: HttpResponse['headers']): Date | null {
  const after = headers['retry-after'];
  const reset = headers['x-ratelimit-remaining'] === '0' ? headers['x-ratelimit-reset'] : undefined;
  const at =
    after !== undefined
      ? /^\d+$/.test(after)
        ? Date.now() + Number(after) * 1000
        : Date.parse(after)
      : reset === undefined
        ? NaN
        : Number(reset) * 1000;
  return Number.isFinite(at) ? new Date(Math.min(at, Date.now() + MAX_RETRY_MS)) : null;
}
