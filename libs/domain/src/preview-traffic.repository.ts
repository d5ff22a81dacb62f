import type { TrafficDraft, TrafficMinute, TrafficStep } from './preview-traffic.js';

/** What previews are sent and answer, by the minute. */
export interface PreviewTrafficRepository {
  /** Called by an edge, of any teams: adds to what there is. Leaves out previews that are gone. */
  add(drafts: readonly TrafficDraft[]): Promise<void>;
  /** Of one preview since this minute, oldest first; minutes without traffic are left out. */
  ofPreview(teamId: string, previewId: string, from: Date): Promise<TrafficMinute[]>;
  /** Of the `maxPreviews` previews with the most requests since `from`, in steps of so many seconds. */
  ofTeam(
    teamId: string,
    options: { readonly from: Date; readonly stepSeconds: number; readonly maxPreviews: number },
  ): Promise<TrafficStep[]>;
  /** Removes traffic of any team from before this, at most `max` rows. Returns how many. */
  removeBefore(before: Date, max: number): Promise<number>;
}
