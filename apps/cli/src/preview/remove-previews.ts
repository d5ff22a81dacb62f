import type { Api, Preview } from '../api.js';
import type { CommandContext } from '../command-context.js';
import { findPreview } from './find-preview.js';

export async function removePreviews({ api, output }: CommandContext, references: string[]): Promise<void> {
  const removed: Preview[] = [];
  // Finds all previews first, so that a mistyped name removes nothing.
  for (const reference of references) removed.push(await findPreview(api, reference));
  for (const { id } of removed) await api.call('deletePreview', { previewId: id });
  output.result(removed, () => {
    for (const { url } of removed) output.line(`Removed ${url}`);
  });
  for (const preview of removed) {
    if (!(await isStillShown(api, preview))) continue;
    output.note(
      `Telepresence may keep showing ${preview.url} until its developer runs "telepresence preview remove ${preview.intercept.name}".`,
    );
  }
}

/** Reports whether a traffic manager of Telepresence shows a removed preview. False if that is unknown. */
export async function isStillShown(
  api: Pick<Api, 'call'>,
  { interceptId, hostname }: Pick<Preview, 'interceptId' | 'hostname'>,
): Promise<boolean> {
  try {
    return (await api.call('getIntercept', { interceptId })).removedPreview?.hostname === hostname;
  } catch {
    // The key may lack permission to read intercepts, or the intercept ended too. The preview is removed in any case.
    return false;
  }
}
