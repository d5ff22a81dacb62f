import type { Api } from '../api.js';
import { problemCodeOf } from '../problem-error.js';

/** Returns the version of Culvert that answers, or null if it does not report one. */
export async function serverVersion(api: Api): Promise<string | null> {
  try {
    return (await api.call('getServer')).version;
  } catch (error) {
    if (problemCodeOf(error) === 'route_not_found') return null;
    throw error;
  }
}
