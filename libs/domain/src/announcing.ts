import type { Preview } from './preview.js';
import type { ResourceChange } from './resource-change.js';

/** Notifies people who watch a team of its changes. Call it after the commit. */
export interface ChangeAnnouncer {
  /** Returns at once: watchers that miss a change must fetch everything again. */
  changed(change: ResourceChange): void;
}

/** Also notifies edges which previews have changed. Never rejects: without it, edges notice later. */
export interface PreviewAnnouncer extends ChangeAnnouncer {
  /** Makes every edge look up these hostnames again, and check the exchanges under way. */
  previewsChanged(hostnames: readonly string[]): Promise<void>;
  /** Does the same, and notifies the traffic manager, which may still have the preview. */
  previewsRemoved(
    previews: readonly Pick<Preview, 'hostname' | 'interceptId' | 'trafficManagerId'>[],
  ): Promise<void>;
}
