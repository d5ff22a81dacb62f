/**
 * Runs `act` for each item in turn, and reports those that are done, also if a later one fails: they cannot be undone.
 * @throws what `act` throws
 */
export async function eachInTurn<Item>(
  items: readonly Item[],
  act: (item: Item) => Promise<unknown>,
  report: (done: readonly Item[]) => void,
): Promise<void> {
  const done: Item[] = [];
  try {
    for (const item of items) {
      await act(item);
      done.push(item);
    }
  } catch (error) {
    if (done.length > 0) report(done);
    throw error;
  }
  report(done);
}
