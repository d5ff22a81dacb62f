/** Selection of exchanges that have ended, for programs that list them. */
import type { Exchange, ExchangeBodies } from '@culvert/contract';
import { decodedBytes, MAX_SHARED_DECODED_BYTES, textOf } from './body-text.js';

export interface ExchangeFilter {
  /** Methods in upper case; undefined: all. */
  readonly method?: readonly string[] | undefined;
  /** `404`, `4xx` or `failed`; undefined: all. */
  readonly status?: readonly string[] | undefined;
  /** Text in the path and query or, with a star, a pattern for the whole path. */
  readonly path?: string | undefined;
}

/** Reports whether an exchange that has ended matches each given part of the filter. */
export function matchesFilter(
  { method, target, status, error }: Pick<Exchange, 'method' | 'target' | 'status' | 'error'>,
  filter: ExchangeFilter,
): boolean {
  const { method: methods, status: statuses, path } = filter;
  if (methods !== undefined && !methods.includes(method.toUpperCase())) return false;
  const isWanted = (wanted: string): boolean =>
    wanted === 'failed' ? error !== null : hasStatus(status, wanted);
  if (statuses !== undefined && !statuses.some(isWanted)) return false;
  return path === undefined || matchesPath(target, path);
}

/** Filter of exchanges that are kept: those that happened before a person looks for one. */
export interface ExchangeSearch extends ExchangeFilter {
  /** Text in the Host field. */
  readonly host?: string | undefined;
  /** Whether it failed, or its status is 400 or higher. */
  readonly hasError?: boolean | undefined;
  readonly minDurationMs?: number | undefined;
  /** Text in the target, a header field, a message, or a body that is text of up to 1 MiB. Case does not matter. */
  readonly text?: string | undefined;
}

/** Reports whether an exchange matches each given part of the search. @param bodies searched for the text too */
export function matchesSearch(
  exchange: Exchange,
  bodies: ExchangeBodies | null,
  search: ExchangeSearch,
): boolean {
  const { host, hasError, minDurationMs, text } = search;
  if (!matchesFilter(exchange, search)) return false;
  if (hasError !== undefined && hasError !== (exchange.error !== null || (exchange.status ?? 0) >= 400))
    return false;
  if (minDurationMs !== undefined && durationOf(exchange) < minDurationMs) return false;
  if (host !== undefined && !hostOf(exchange).includes(host.toLowerCase())) return false;
  return text === undefined || containsText(exchange, bodies, text.toLowerCase());
}

/** Returns the duration of an exchange in milliseconds: the sum of its steps. */
export function durationOf({ timings }: Exchange): number {
  return Object.values(timings).reduce<number>((sum, ms) => sum + (ms ?? 0), 0);
}

function hostOf({ request }: Exchange): string {
  return request.fields.find(({ name }) => /^(host|:authority)$/i.test(name))?.value.toLowerCase() ?? '';
}

function containsText(exchange: Exchange, bodies: ExchangeBodies | null, text: string): boolean {
  const fields = [...exchange.request.fields, ...(exchange.response?.fields ?? [])];
  const heads = [exchange.target, ...fields.map(({ name, value }) => `${name}: ${value}`)];
  if (heads.some((line) => line.toLowerCase().includes(text))) return true;
  if (bodies?.messages?.some((message) => message.text?.toLowerCase().includes(text))) return true;
  return [bodies?.request, bodies?.response].some((body) => {
    if (!body) return false;
    const { bytes, isDecoded } = decodedBytes(body, MAX_SHARED_DECODED_BYTES);
    return isDecoded && (textOf(bytes, body)?.toLowerCase().includes(text) ?? false);
  });
}

function hasStatus(status: number | null, wanted: string): boolean {
  if (status === null) return false;
  return wanted.endsWith('xx') ? String(status)[0] === wanted[0] : String(status) === wanted;
}

function matchesPath(target: string, path: string): boolean {
  if (!path.includes('*')) return target.includes(path);
  const [withoutQuery = ''] = target.split('?');
  // Compares part by part, which takes linear time whatever the pattern is.
  const [first = '', ...parts] = path.split('*');
  if (!withoutQuery.startsWith(first)) return false;
  let at = first.length;
  const last = parts.pop() ?? '';
  for (const part of parts) {
    const found = withoutQuery.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return withoutQuery.length - last.length >= at && withoutQuery.endsWith(last);
}
