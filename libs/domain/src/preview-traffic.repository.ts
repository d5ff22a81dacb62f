import type { TrafficDraft, TrafficMinute, TrafficStep } from './preview-traffic.js';

/** Traffic of previews by the minute. */
export interface PreviewTrafficRepository {
  /** Called by an edge, for any teams: adds to existing counts. Leaves out previews that no longer exist. */
  add(drafts: readonly TrafficDraft[]): Promise<void>;
  /** Returns the traffic of one preview since this minute, oldest first; minutes without traffic are left out. */
  ofPreview(teamId: string, previewId: string, from: Date): Promise<TrafficMinute[]>;
  /**
   * Returns the traffic of the `maxPreviews` previews with the most requests since `from`, in steps of this many
   * seconds.
   */
  ofTeam(
    teamId: string,
    options: { readonly from: Date; readonly stepSeconds: number; readonly maxPreviews: number },
  ): Promise<TrafficStep[]>;
  /** Removes at most `max` rows of traffic of any team from before this moment. Returns how many. */
  removeBefore(before: Date, max: number): Promise<number>;
}
