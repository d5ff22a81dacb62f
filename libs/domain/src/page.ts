/** A slice of a list, newest first. */
export interface PageRequest {
  /** Maximum number of items to return, 1 to 200. */
  readonly limit: number;
  /** End of the previous page, from its `nextCursor`; absent for the first page. */
  readonly cursor?: string | undefined;
}

export interface Page<T> {
  readonly items: T[];
  /** Opaque; null on the last page. */
  readonly nextCursor: string | null;
}
