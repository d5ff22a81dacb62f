import type { Preview } from '../../api/previews.js';

/**
 * Returns what a person should know before they remove these previews. `telepresenceManagers` are the IDs of the
 * Telepresence traffic managers, which keep showing a URL that was removed here.
 */
export function removalText(previews: readonly Preview[], telepresenceManagers: ReadonlySet<string>): string {
  const [first] = previews;
  const shown = previews.filter(({ trafficManagerId }) => telepresenceManagers.has(trafficManagerId));
  const isOne = previews.length === 1;
  const ending = isOne
    ? `${first?.hostname ?? ''} stops working at once.`
    : 'Their URLs stop working at once.';
  if (shown.length === 0)
    return isOne
      ? `${ending} Its URL is never reused, so this cannot be undone.`
      : `${ending} They are never reused, so this cannot be undone.`;
  const command = `telepresence preview remove ${isOne ? (first?.intercept.name ?? '') : '<name>'}`;
  return isOne
    ? `${ending} Telepresence 2.6.0 and later keeps showing the URL until its developer runs “${command}”. Until then you ` +
        'can restore it on the page Intercepts.'
    : `${ending} Telepresence 2.6.0 and later keeps showing its URLs until their developers run “${command}”. Until then ` +
        'you can restore these on the page Intercepts. The others cannot be restored.';
}
