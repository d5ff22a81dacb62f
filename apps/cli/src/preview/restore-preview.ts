import type { CommandContext } from '../command-context.js';
import { findIntercept } from '../intercepts/find-intercept.js';

/** Restores the preview that was removed while a traffic manager of Telepresence still shows its URL. */
export async function restorePreview({ api, output }: CommandContext, reference: string): Promise<void> {
  const { id } = await findIntercept(api, reference);
  const preview = await api.call('restorePreview', { interceptId: id });
  output.result(preview, () => output.line(`Restored ${preview.url}`));
}
