/** Chooses a service by the path of a request. */
export class PathTable<T> {
  private readonly rows: readonly (readonly [path: string, value: T])[];

  /** @param entries paths that begin with a slash and, but for `/`, do not end with one */
  constructor(entries: Iterable<readonly [path: string, value: T]>) {
    this.rows = [...entries].toSorted(([a], [b]) => b.length - a.length);
  }

  /**
   * Returns the value of the longest path that `target` begins with, by whole segments: `/api` has `/api` and `/api/users`, not
   * `/apis`. Null without one. Paths are compared as they are sent, without decoding.
   * @param target path and query of a request, or `*`
   */
  find(target: string): T | null {
    for (const [path, value] of this.rows) if (isWithin(target, path)) return value;
    return null;
  }
}

function isWithin(target: string, path: string): boolean {
  if (path === '/') return true;
  if (!target.startsWith(path)) return false;
  const next = target[path.length];
  return next === undefined || next === '/' || next === '?';
}
