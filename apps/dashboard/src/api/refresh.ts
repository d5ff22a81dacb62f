import { keyOf, type Resource } from './keys.js';
import { queryClient } from './query-client.js';

/** Asks anew for what is shown of these, after a change made here: the event that tells it may be late, or lost. */
export async function refresh(...resources: readonly Resource[]): Promise<void> {
  await Promise.all(
    resources.map((resource) => queryClient.invalidateQueries({ queryKey: keyOf(resource) })),
  );
}
