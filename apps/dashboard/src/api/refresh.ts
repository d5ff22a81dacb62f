import { keyOf, type Resource } from './keys.js';
import { queryClient } from './query-client.js';

/** Fetches these resources again after a change made here: its event may be late or lost. */
export async function refresh(...resources: readonly Resource[]): Promise<void> {
  await Promise.all(
    resources.map((resource) => queryClient.invalidateQueries({ queryKey: keyOf(resource) })),
  );
}
