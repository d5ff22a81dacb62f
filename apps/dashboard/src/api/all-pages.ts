interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

/** Largest page size of the API. */
export const MAX_PAGE_SIZE = 200;

/**
 * Returns every item of a list that is usually short (keys, traffic managers). Stops after `maxItems`, so that a long
 * list does not cost more.
 */
export async function allPages<Item>(
  fetchPage: (query: { limit: number; cursor?: string }) => Promise<Page<Item>>,
  maxItems = 2000,
): Promise<Item[]> {
  const items: Item[] = [];
  let cursor: string | null = null;
  do {
    const page: Page<Item> = await fetchPage({
      limit: MAX_PAGE_SIZE,
      ...(cursor === null ? {} : { cursor }),
    });
    items.push(...page.items);
    cursor = page.nextCursor;
  } while (cursor !== null && items.length < maxItems);
  return items;
}
