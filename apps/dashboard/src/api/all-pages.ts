interface Page<Item> {
  readonly items: readonly Item[];
  readonly nextCursor: string | null;
}

/** The most the API gives at once. */
export const MAX_PAGE_SIZE = 200;

/**
 * Every item of a list that is short by nature (keys, traffic managers). Ends after `maxItems`, so that a list that is not
 * short costs no more than that.
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
