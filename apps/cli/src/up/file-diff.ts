/** Compares two states of a file. */
import { isDeepStrictEqual } from 'node:util';
import type { Endpoint } from './file/read-file.js';

/** What changed from one state to the next. Endpoints are matched by name. */
export interface FileDiff {
  readonly added: readonly Endpoint[];
  readonly removed: readonly Endpoint[];
  readonly changed: readonly { readonly before: Endpoint; readonly after: Endpoint }[];
}

/** Endpoints that are the same, in whatever order, appear nowhere in the result. */
export function diffEndpoints(before: readonly Endpoint[], after: readonly Endpoint[]): FileDiff {
  const olds = new Map(before.map((endpoint) => [endpoint.name, endpoint]));
  const news = new Set(after.map(({ name }) => name));
  return {
    added: after.filter(({ name }) => !olds.has(name)),
    removed: before.filter(({ name }) => !news.has(name)),
    changed: after.flatMap((endpoint) => {
      const old = olds.get(endpoint.name);
      return old === undefined || isDeepStrictEqual(old, endpoint) ? [] : [{ before: old, after: endpoint }];
    }),
  };
}
