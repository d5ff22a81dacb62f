import { MAX_SHARE_LINK_VISITS_PER_NETWORK } from '@culvert/domain';
import { networkOf } from '@culvert/sockets';

const WINDOW_MS = 60 * 60 * 1000;
/** Maximum number of networks and links that are counted at once. Beyond it, the oldest counts are forgotten. */
const MAX_COUNTS = 10_000;

/**
 * Limits how many visits a share link begins for one network in an hour, so that one network cannot use up the link.
 */
export class ShareLinkRate {
  private readonly counts = new Map<string, { count: number; readonly startedAt: number }>();

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Counts a visit. Returns 0 if it is within the limit, else the seconds until the next one can begin. */
  consume(shareLinkId: string, address: string): number {
    const key = `${shareLinkId} ${networkOf(address)}`;
    const now = this.now();
    let counted = this.counts.get(key);
    if (counted === undefined || now - counted.startedAt >= WINDOW_MS) {
      counted = { count: 0, startedAt: now };
      this.counts.delete(key);
      this.counts.set(key, counted);
      this.forgetOldest();
    }
    if (++counted.count <= MAX_SHARE_LINK_VISITS_PER_NETWORK) return 0;
    return Math.ceil((counted.startedAt + WINDOW_MS - now) / 1000);
  }

  private forgetOldest(): void {
    for (const key of this.counts.keys()) {
      if (this.counts.size <= MAX_COUNTS) return;
      this.counts.delete(key);
    }
  }
}
