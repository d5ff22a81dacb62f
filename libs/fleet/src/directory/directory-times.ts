/** Times and limits of a directory in Redis. */
export interface DirectoryTimes {
  /** How often an edge renews its record, in milliseconds. */
  readonly renewMs: number;
  /** Time after which an edge that did not renew its record is gone, in milliseconds. */
  readonly edgeLifeMs: number;
  /** Longest that "no holders" is believed without asking again, in milliseconds. */
  readonly negativeMs: number;
  /** Age at which known holders are looked up again when they are used, in milliseconds. */
  readonly refreshMs: number;
  /** How often a load that changed is written, in milliseconds. */
  readonly loadMs: number;
  /** Time after which Redis forgets the holders of a traffic manager; they are renewed three times in that time. */
  readonly holdingsLifeMs: number;
  /** Holdings written a second that are not announced: after an outage, of new loads, and renewals. */
  readonly writesPerSecond: number;
  /** Traffic managers whose holders are kept in memory. */
  readonly maxCached: number;
}

export const DEFAULT_TIMES: DirectoryTimes = {
  renewMs: 1_500,
  edgeLifeMs: 5_000,
  negativeMs: 1_000,
  refreshMs: 15_000,
  loadMs: 10_000,
  holdingsLifeMs: 3_600_000,
  writesPerSecond: 2_000,
  maxCached: 100_000,
};

/** Interval of a directory's clock, in milliseconds. */
export function tickOf(times: DirectoryTimes): number {
  return Math.ceil(times.edgeLifeMs / 20);
}
