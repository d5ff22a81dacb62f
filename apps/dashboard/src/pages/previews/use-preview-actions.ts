import { removePreview, updatePreview, type Preview, type PreviewAccess } from '../../api/previews.js';
import { putPreview } from '../../api/preview-cache.js';
import { queryClient } from '../../api/query-client.js';
import { trafficManagers } from '../../api/traffic-managers.js';
import { useConfirm } from '../../components/confirm.js';
import { toastDone, toastProblem } from '../../components/toast.js';
import { removalText } from './removal-text.js';
import { texts } from './texts.js';

/** Most removals under way at once. */
const MAX_AT_ONCE = 5;

export interface PreviewActions {
  /** Changes the screen at once, and reverts it if the server refuses. Can be undone. */
  readonly setAccess: (preview: Preview, access: PreviewAccess) => Promise<void>;
  /** Asks first. Resolves to whether they were removed. */
  readonly remove: (previews: readonly Preview[]) => Promise<boolean>;
}

/** Returns the actions of a preview, wherever it is shown. */
export function usePreviewActions(): PreviewActions {
  const confirm = useConfirm();

  const setAccess = async (preview: Preview, access: PreviewAccess): Promise<void> => {
    putPreview({ ...preview, access });
    try {
      const changed = await updatePreview(preview.id, { access });
      const said =
        access === 'public'
          ? texts.previewActions.nowPublic(preview.hostname)
          : texts.previewActions.nowPrivate(preview.hostname);
      toastDone(said, () => void setAccess(changed, preview.access));
    } catch (error) {
      putPreview(preview);
      toastProblem(error);
    }
  };

  const remove = async (previews: readonly Preview[]): Promise<boolean> => {
    const [first] = previews;
    if (first === undefined) return false;
    const what = previews.length === 1 ? first.hostname : texts.previewActions.count(previews.length);
    const isSure = await confirm({
      title: texts.previewActions.removeTitle(previews.length),
      text: removalText(previews, await telepresenceManagers()),
      confirm: texts.previewActions.remove,
      isDangerous: true,
    });
    if (!isSure) return false;
    const failures = await removeAll(previews.map(({ id }) => id));
    const [failure] = failures;
    if (failure === undefined) toastDone(texts.previewActions.removed(what));
    else toastProblem(failure, texts.previewActions.notRemoved(failures.length, previews.length));
    return failure === undefined;
  };

  return { setAccess, remove };
}

/** Returns the IDs. Empty if the server does not answer, so that removal still works. */
async function telepresenceManagers(): Promise<ReadonlySet<string>> {
  const managers = await queryClient
    .query({ ...trafficManagers(), staleTime: 60_000, retry: false })
    .catch(() => []);
  return new Set(managers.filter(({ kind }) => kind === 'telepresence').map(({ id }) => id));
}

async function removeAll(ids: readonly string[]): Promise<unknown[]> {
  const waiting = [...ids];
  const failures: unknown[] = [];
  const work = async (): Promise<void> => {
    for (let id = waiting.shift(); id !== undefined; id = waiting.shift()) {
      try {
        await removePreview(id);
      } catch (error) {
        failures.push(error);
      }
    }
  };
  await Promise.all(Array.from({ length: MAX_AT_ONCE }, work));
  return failures;
}
