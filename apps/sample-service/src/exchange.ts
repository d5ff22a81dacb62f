import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Html } from './html.js';

/** The copy of the service that answers; shown on every page and in every response's `x-sample-service`. */
export interface Identity {
  readonly name: string;
  /** `#rrggbb`, the accent of its pages. */
  readonly color: string;
}

/** One request and everything a handler needs to answer it. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly url: URL;
  /** The groups that the route's pattern matched. */
  readonly params: readonly string[];
  readonly identity: Identity;
}

export type Handler = (exchange: Exchange) => void | Promise<void>;

/** A request that cannot be answered as asked; becomes a plain response with this status. */
export class RequestError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Own assets only, and no inline script or style, so that visitors' input could not run even if an escape failed. */
const PAGE_POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
  "form-action 'self'; base-uri 'none'";

export function sendPage(response: ServerResponse, page: Html, status = 200): void {
  response.writeHead(status, {
    'content-type': 'text/html; charset=utf-8',
    'content-length': Buffer.byteLength(page.text),
    'content-security-policy': PAGE_POLICY,
    'cache-control': 'no-store',
  });
  response.end(page.text);
}

export function sendJson(response: ServerResponse, value: unknown, status = 200): void {
  const text = `${JSON.stringify(value, null, 2)}\n`;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  });
  response.end(text);
}

export function sendText(response: ServerResponse, text: string, status = 200): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  });
  response.end(text);
}

/** Answers 303, so that reloading the next page does not post again. */
export function redirectAfterPost(response: ServerResponse, location: string): void {
  response.writeHead(303, { location, 'content-length': 0 });
  response.end();
}

/** Reports whether the visitor is a browser that wants a page, rather than a program that wants JSON. */
export function wantsPage(request: IncomingMessage): boolean {
  return request.headers.accept?.includes('text/html') ?? false;
}

/** Returns the query's `name` as an integer within bounds. */
export function numberParameter(
  url: URL,
  name: string,
  { fallback, max }: { readonly fallback: number; readonly max: number },
): number {
  const text = url.searchParams.get(name);
  return text === null ? fallback : wholeNumber(text, { name, min: 0, max });
}

/** Returns `text` as an integer within bounds. Throws a 400 that names the bounds. */
export function wholeNumber(
  text: string,
  { name, min, max }: { readonly name: string; readonly min: number; readonly max: number },
): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max)) {
    throw new RequestError(400, `${name} must be a whole number from ${min} to ${max}`);
  }
  return value;
}
