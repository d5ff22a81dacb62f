import { z } from 'zod';
import type { Forge } from './forge.js';

/**
 * - `refused`: the forge will say the same again: wrong token, no such pull request
 * - `limited`: it wants to be asked later
 * - `away`: it does not answer, or not well
 */
export type ForgeFailure = 'refused' | 'limited' | 'away';

/** A forge did not do what it was asked. The message is for the preview's team and holds no secret. */
export class ForgeError extends Error {
  constructor(
    readonly kind: ForgeFailure,
    message: string,
    readonly status: number,
    /** When it may be asked again; null when it does not say. */
    readonly retryAt: Date | null = null,
  ) {
    super(message);
  }
}

const REQUEST_TIMEOUT_MS = 10_000;
/** A page of a hundred comments of 64 KiB. */
const MAX_RESPONSE_BYTES = 8 * 1024 * 1024;
/** No forge's limit lasts longer. */
const MAX_RETRY_MS = 24 * 60 * 60 * 1000;

const comment = z.object({ id: z.int(), body: z.string().nullish(), html_url: z.url().optional() });
export type ForgeComment = z.output<typeof comment>;

/** The few calls about comments, the same for both forges. */
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
        // Wherever a redirect leads, the token must not go there.
        redirect: 'manual',
        signal: AbortSignal.any([this.signal, AbortSignal.timeout(REQUEST_TIMEOUT_MS)]),
        ...(body && { body: JSON.stringify(body) }),
      });
      text = await readAll(response);
    } catch (cause) {
      // The cause may hold the address of a host inside; it is for the log.
      throw Object.assign(new ForgeError('away', `${name} does not answer`, 0), { cause });
    }
    if (!response.ok) throw refusal(name, response);
    const result = schema.safeParse(parseJson(text));
    if (!result.success)
      throw new ForgeError('away', `${name} answered something else than expected`, response.status);
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
  // GitHub says 403 for its limits too.
  if (status === 429 || (status === 403 && retryAt !== null)) {
    return new ForgeError('limited', `${name} limits how often it is asked`, status, retryAt);
  }
  if (status >= 500)
    return new ForgeError('away', `${name} has a fault of its own (${status})`, status, retryAt);
  const reason = REASONS[status] ?? (status < 400 ? 'the repository has moved' : 'it refuses the comment');
  return new ForgeError('refused', `${name}: ${reason} (${status})`, status);
}

const REASONS: Readonly<Record<number, string>> = {
  401: 'the token is not valid',
  403: 'the token may not comment on this pull request',
  404: 'there is no such pull request, or the token may not see it',
  410: 'the pull request is gone',
};

/** From Retry-After (RFC 9110 §10.2.3), or from a limit that is used up. */
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
