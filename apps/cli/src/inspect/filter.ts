/** Filter of the exchanges that `culvert inspect` shows. */
import type { Exchange } from '@culvert/contract';
import { InvalidArgumentError } from 'commander';

export interface ExchangeFilter {
  /** Methods in upper case; undefined: all. */
  readonly method?: readonly string[];
  /** `404`, `4xx` or `failed`; undefined: all. */
  readonly status?: readonly string[];
  /** Text in the path and query or, with a star, a pattern for the whole path. */
  readonly path?: string;
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

/** Reads one value of a repeatable `--status` flag. */
export function collectStatus(text: string, before: readonly string[] | undefined): string[] {
  const wanted = text.toLowerCase();
  if (!/^([1-5]\d\d|[1-5]xx|failed)$/.test(wanted))
    throw new InvalidArgumentError('Use a status such as 404, a class such as 4xx, or failed.');
  return [...(before ?? []), wanted];
}

/** Reads one value of a repeatable `--method` flag. */
export function collectMethod(text: string, before: readonly string[] | undefined): string[] {
  if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,32}$/.test(text)) throw new InvalidArgumentError('Use an HTTP method.');
  return [...(before ?? []), text.toUpperCase()];
}
