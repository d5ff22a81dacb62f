import type { HttpClient } from './http-client.js';

/** The part of `fetch` that OAuth libraries use: a URL, and a method, headers, a body and a signal. */
export type Fetch = (
  url: string,
  init: {
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly body?: unknown;
    readonly signal?: AbortSignal | undefined;
  },
) => Promise<Response>;

/** A `fetch` over the client, for libraries that take one. It never follows a redirect, even if the caller asks for it. */
export function asFetch(client: HttpClient): Fetch {
  return async (url, { method, headers, body, signal }) => {
    const response = await client.send({
      url,
      method,
      headers,
      body: bodyOf(body),
      signal,
      maxRedirects: 0,
    });
    const { status } = response;
    const mayHaveBody = status >= 200 && status !== 204 && status !== 205 && status !== 304;
    const entries = Object.entries(response.headers).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    );
    return new Response(mayHaveBody ? response.body : null, { status, headers: entries });
  };
}

function bodyOf(body: unknown): string | Uint8Array | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body === 'string' || body instanceof Uint8Array) return body;
  if (body instanceof URLSearchParams) return body.toString();
  throw new TypeError('this kind of body cannot be sent');
}
