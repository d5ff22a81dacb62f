import type { Api, Preview } from '../api.js';
import type { CommandContext } from '../command-context.js';
import { findPreview } from './find-preview.js';

export async function removePreviews({ api, output }: CommandContext, references: string[]): Promise<void> {
  const removed: Preview[] = [];
  // First all are found, so that a mistyped name removes nothing.
  for (const reference of references) removed.push(await findPreview(api, reference));
  for (const { id } of removed) await api.call('deletePreview', { previewId: id });
  output.result(removed, () => {
    for (const { url } of removed) output.line(`Removed ${url}`);
  });
  for (const preview of removed) {
    if (!(await isStillShown(api, preview))) continue;
    output.note(
      `Telepresence may go on showing ${preview.url}: its developer has to run "telepresence preview remove ${preview.intercept.name}".`,
    );
  }
}

/** Reports whether a traffic manager of Telepresence shows a preview that was removed. False where that is not known. */
export async function isStillShown(
  api: Pick<Api, 'call'>,
  { interceptId, hostname }: Pick<Preview, 'interceptId' | 'hostname'>,
): Promise<boolean> {
  try {
    return (await api.call('getIntercept', { interceptId })).removedPreview?.hostname === hostname;
  } catch {
    // The key may not read intercepts, or the intercept ended too. The preview is removed in any case.
    return false;
  }
}
