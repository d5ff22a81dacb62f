/** Directories of several edges in one process, which share one table. */
import type {
  Directory,
  DirectoryFigures,
  DirectoryListener,
  EdgeNode,
  Holder,
  Holding,
} from '../directory/directory.js';

/** What all edges of a spec reported. */
export class MemoryFleet {
  readonly directories = new Set<MemoryDirectory>();

  join(self: EdgeNode): MemoryDirectory {
    const directory = new MemoryDirectory(this, self);
    this.directories.add(directory);
    return directory;
  }
}

export class MemoryDirectory implements Directory {
  readonly holdings = new Map<string, Holding>();
  /** Edges whose holdings were disbelieved, by traffic manager. */
  readonly disbelieved = new Map<string, Set<string>>();
  private listener: DirectoryListener = { onHolders() {}, onEdgeGone() {} };
  private readonly cache = new Map<string, readonly Holder[]>();

  constructor(
    private readonly fleet: MemoryFleet,
    readonly self: EdgeNode,
  ) {}

  get figures(): DirectoryFigures {
    const { size: edges } = this.fleet.directories;
    const { size: held } = this.holdings;
    return { edges: edges - 1, cached: this.cache.size, held, isConnected: true, isComplete: true };
  }

  get hasOtherMachine(): boolean {
    return [...this.fleet.directories].some(({ self }) => self.machineId !== this.self.machineId);
  }

  holdersOf(trafficManagerId: string): readonly Holder[] | null {
    let holders = this.cache.get(trafficManagerId);
    if (holders === undefined) {
      const found: Holder[] = [];
      for (const { self, holdings } of this.fleet.directories) {
        const holding = holdings.get(trafficManagerId);
        const isBelieved = this.disbelieved.get(trafficManagerId)?.has(self.id) !== true;
        if (self.id !== this.self.id && holding !== undefined && isBelieved)
          found.push({ ...holding, edge: self });
      }
      this.cache.set(trafficManagerId, (holders = found));
    }
    return holders;
  }

  report(trafficManagerId: string, holding: Holding | null): void {
    if (holding === null) this.holdings.delete(trafficManagerId);
    else this.holdings.set(trafficManagerId, holding);
    for (const other of this.fleet.directories) other.handleChange(trafficManagerId, this.self.id);
  }

  disbelieve(trafficManagerId: string, edgeId: string): void {
    const edges = this.disbelieved.get(trafficManagerId) ?? new Set();
    this.disbelieved.set(trafficManagerId, edges.add(edgeId));
    this.cache.delete(trafficManagerId);
  }

  listen(listener: DirectoryListener): void {
    this.listener = listener;
  }

  async close(): Promise<void> {
    this.fleet.directories.delete(this);
    for (const other of this.fleet.directories) {
      other.cache.clear();
      other.listener.onEdgeGone(this.self.id, {
        node: this.self,
        hasLeft: true,
        heldCount: this.holdings.size,
      });
    }
  }

  private handleChange(trafficManagerId: string, edgeId: string): void {
    this.disbelieved.get(trafficManagerId)?.delete(edgeId);
    this.cache.delete(trafficManagerId);
    this.listener.onHolders(trafficManagerId);
  }
}
