import { bootstrapResults } from '@culvert/api';
import type { Standalone } from './standalone.js';

/** Returns the URLs to open and, on the first start only, the credentials to sign in with. */
export function resultsOf({
  url,
  created,
}: Pick<Standalone, 'url' | 'created'>): [label: string, value: string][] {
  return [['Dashboard', url], ...(created ? bootstrapResults(created) : [])];
}
