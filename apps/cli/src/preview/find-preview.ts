import type { Api, Preview } from '../api.js';
import { CliError } from '../cli-error.js';
import { EXIT } from '../exit-code.js';

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * Finds a preview by its id, its URL, its hostname or the first part of that.
 * @throws CliError if there is none
 */
export async function findPreview(api: Api, reference: string): Promise<Preview> {
  if (ID.test(reference)) return api.call('getPreview', { previewId: reference });
  const name = hostOf(reference);
  const found = (await api.list('listPreviews', { query: { search: name } })).find(
    ({ hostname }) => hostname === name || previewName(hostname) === name,
  );
  if (found !== undefined) return found;
  throw new CliError(EXIT.notFound, `your team has no preview ${reference}`, {
    hint: '"culvert preview list" shows your previews.',
  });
}

/** Returns the shortest name of a preview: the first part of its hostname. */
export function previewName(hostname: string): string {
  return hostname.slice(0, hostname.indexOf('.'));
}

function hostOf(reference: string): string {
  const hasScheme = /^https?:\/\//i.test(reference);
  return hasScheme && URL.canParse(reference) ? new URL(reference).hostname : reference.toLowerCase();
}
