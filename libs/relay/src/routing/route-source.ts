import type { RequestHead } from '@culvert/http1';
import type { Route } from './route.js';

/** Where a relay finds the route of a request. */
export interface RouteSource {
  /**
   * Finds the route of a request; null when `hostname` has no route. Answers at once where it can: a known route must
   * not cost a promise. Rejects with a RelayError.
   * @param hostname lower-case, without its port
   */
  find(hostname: string, request: RequestHead): Route | null | Promise<Route | null>;
  /** The routes that the source keeps between requests, which may become out of date. Absent where it keeps none. */
  readonly cache?: RouteCache;
}

/** Routes that are kept between requests. */
export interface RouteCache {
  /** Returns what is kept for `hostname`, without looking it up. */
  cached(hostname: string): Route | null;
  /** Forgets `hostname`: the next request looks it up again. */
  invalidate(hostname: string): void;
  /** Forgets everything, after events may have been lost. */
  clear(): void;
  /** Marks the route of `hostname` to be read again if it is old. Called for exchanges that stay open. */
  refresh(hostname: string): void;
  /** Reads again the routes that were found to be old. Called at each sweep. */
  rereadDue(): void;
  /** Sets what is called when a route turns out to have changed without an event. */
  onChange(listener: (hostname: string) => void): void;
}
