import type { Preview } from '../../api/previews.js';
import { texts } from './texts.js';

/**
 * Returns what a person should know before they remove these previews. `telepresenceManagers` are the IDs of the
 * Telepresence traffic managers, which keep showing a URL that was removed here.
 */
export function removalText(previews: readonly Preview[], telepresenceManagers: ReadonlySet<string>): string {
  const [first] = previews;
  const isShownLater = previews.some(({ trafficManagerId }) => telepresenceManagers.has(trafficManagerId));
  if (first === undefined || previews.length > 1)
    return isShownLater
      ? texts.removalText.severalShownLater('telepresence preview remove <name>')
      : texts.removalText.several;
  return isShownLater
    ? texts.removalText.oneShownLater(first.hostname, `telepresence preview remove ${first.intercept.name}`)
    : texts.removalText.one(first.hostname);
}
