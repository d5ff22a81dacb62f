/** The directory: which edges hold tunnels of which traffic manager. */

/** An edge as others reach it. One process is one edge. */
export interface EdgeNode {
  /** Random, new with every start of the process. */
  readonly id: string;
  /** For people: tells the edges of a deployment apart. At most 100 characters; absent: an edge of an older version. */
  readonly name?: string;
  /** `host:port` at which it accepts links; empty: it accepts none of other machines. */
  readonly address: string;
  /** The same for all edges of one machine; empty: unknown. */
  readonly machineId: string;
  /** Unix socket at which it accepts links of edges of the same machine; absent: none. */
  readonly socketPath?: string;
}

/** The tunnels of one traffic manager that an edge holds. */
export interface Holding {
  /** Open tunnels that take new streams. */
  readonly tunnelCount: number;
  /** Streams open on them, as of the last report. */
  readonly streamCount: number;
  /** Round trip of the quickest of them, in milliseconds; 0 before it is measured. */
  readonly roundTripMs: number;
  /** As `Tunnel.maxIdleStreamMs`. */
  readonly maxIdleStreamMs?: number;
}

/** Another edge that holds tunnels of a traffic manager. */
export interface Holder extends Holding {
  readonly edge: EdgeNode;
}

/** An edge that is gone. */
export interface GoneEdge {
  readonly node: EdgeNode;
  /** Whether it said so. Otherwise it did not report for too long: it was killed, hangs, or does not reach Redis. */
  readonly hasLeft: boolean;
  /** How many traffic managers had tunnels to it, as of its last report. */
  readonly heldCount: number;
}

/** Figures of a directory, for metrics and tests. */
export interface DirectoryFigures {
  /** Other edges that are known to be alive. */
  readonly edges: number;
  /** Traffic managers whose holders are in memory. */
  readonly cached: number;
  /** Traffic managers that this edge holds tunnels of. */
  readonly held: number;
  /** Whether it reads and writes Redis now. */
  readonly isConnected: boolean;
  /** Whether Redis has everything that this edge holds, as far as it knows. */
  readonly isComplete: boolean;
}

/** Events of a directory. */
export interface DirectoryListener {
  /** The edges that hold tunnels of this traffic manager became known, or changed. */
  onHolders(trafficManagerId: string): void;
  /** This edge is gone. */
  onEdgeGone(edgeId: string, gone: GoneEdge): void;
  /** Reports whether a link to this edge is open: it is alive then, even if it does not report. Default: it is not. */
  isLinked?(edgeId: string): boolean;
}

/**
 * Knows the other edges and what they hold. Lookups read memory only; what is not known is fetched, and the listener is
 * called.
 */
export interface Directory {
  /** This edge. */
  readonly self: EdgeNode;
  readonly figures: DirectoryFigures;
  /** Reports whether an edge of another machine is alive. */
  readonly hasOtherMachine: boolean;
  /**
   * Returns the other living edges that hold tunnels of this traffic manager; empty: none. Returns null while that is
   * being looked up: `onHolders` follows, unless the directory cannot be reached.
   */
  holdersOf(trafficManagerId: string): readonly Holder[] | null;
  /**
   * Records what this edge holds of a traffic manager; null, or no tunnel: nothing. Others learn the number of tunnels
   * at once, and a change of load alone within some seconds.
   */
  report(trafficManagerId: string, holding: Holding | null): void;
  /**
   * Removes a holder that turned out to hold nothing. The directory asks it to report anew, and does not return it again
   * before that; it also looks the traffic manager up again.
   */
  disbelieve(trafficManagerId: string, edgeId: string): void;
  /** Sets who receives the events. Called once, before anything else. */
  listen(listener: DirectoryListener): void;
  /** Withdraws everything that this edge reported, and stops. */
  close(): Promise<void>;
}
