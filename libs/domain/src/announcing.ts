import type { Preview } from './preview.js';
import type { ResourceChange } from './resource-change.js';

/** Tells those who watch a team what has changed in it. To be called after the commit. */
export interface ChangeAnnouncer {
  /** Returns at once: watchers that miss a change are told to fetch everything anew. */
  changed(change: ResourceChange): void;
}

/** Tells edges, too, which previews have changed. Never rejects: edges find out without it, later. */
export interface PreviewAnnouncer extends ChangeAnnouncer {
  /** Has every edge look these hostnames up again, and judge again what runs through them. */
  previewsChanged(hostnames: readonly string[]): Promise<void>;
  /** The same, and has the traffic manager told, which may think that it still has the preview. */
  previewsRemoved(
    previews: readonly Pick<Preview, 'hostname' | 'interceptId' | 'trafficManagerId'>[],
  ): Promise<void>;
}
