/**
 * How many connections each network has open: an IPv4 address, or a /64 of IPv6. Processes that share a port report their
 * changes to each other, so that a network has no more connections with all of them than with one.
 */
export class ConnectionPlaces {
  private readonly taken = new Map<string, number>();
  /** What other processes on the same port have reported. */
  private readonly takenElsewhere = new Map<string, number>();
  /** Networks whose number changed since `drainChanges`; null until the first call of it. */
  private changed: Set<string> | null = null;

  /** @param max of one network; 0: no limit, and nothing is counted */
  constructor(private readonly max: number) {}

  /** Takes a place. Returns false when the network has reached its limit. */
  reserve(network: string): boolean {
    if (this.max === 0) return true;
    const count = this.taken.get(network) ?? 0;
    if (count + (this.takenElsewhere.get(network) ?? 0) >= this.max) return false;
    this.taken.set(network, count + 1);
    this.changed?.add(network);
    return true;
  }

  /** Gives a place back. */
  release(network: string): void {
    if (this.max === 0) return;
    const count = (this.taken.get(network) ?? 1) - 1;
    if (count > 0) this.taken.set(network, count);
    else this.taken.delete(network);
    this.changed?.add(network);
  }

  /** Returns the networks whose number changed since the last call, with their numbers; the first call returns all. */
  drainChanges(): [network: string, count: number][] {
    const changes: [string, number][] = [];
    for (const network of this.changed ?? this.taken.keys())
      changes.push([network, this.taken.get(network) ?? 0]);
    if (this.max > 0) this.changed = new Set();
    return changes;
  }

  /** Records how many connections of a network other processes hold. */
  setElsewhere(network: string, count: number): void {
    if (count > 0) this.takenElsewhere.set(network, count);
    else this.takenElsewhere.delete(network);
  }
}
