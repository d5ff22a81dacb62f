import type { EdgeRecord } from './directory-codec.js';

/** Limit of edges: what names more is not a fleet. */
const MAX_EDGES = 10_000;

/** Another edge that is alive, and when it was last known to be, in milliseconds of the process's clock. */
interface LivingEdge {
  record: EdgeRecord;
  aliveAt: number;
}

/** The other edges that reported recently. */
export class LivingEdges {
  private readonly edges = new Map<string, LivingEdge>();
  /** Changes whenever an edge is removed: holders that were read before may include it. */
  removals = 0;

  get(edgeId: string): EdgeRecord | undefined {
    return this.edges.get(edgeId)?.record;
  }

  has(edgeId: string): boolean {
    return this.edges.has(edgeId);
  }

  /** Reports whether one of them is on another machine. An edge that does not name its machine counts. */
  hasOtherMachine(machineId: string): boolean {
    for (const { record } of this.edges.values()) if (record.node.machineId !== machineId) return true;
    return false;
  }

  get size(): number {
    return this.edges.size;
  }

  /** Records a sign of life. Returns true if the edge was not known. */
  add(record: EdgeRecord, aliveAt: number): boolean {
    const known = this.edges.get(record.node.id);
    if (known === undefined) {
      if (this.edges.size >= MAX_EDGES) return false;
      this.edges.set(record.node.id, { record, aliveAt });
      return true;
    }
    // The node stays the same object, which the holders refer to: an edge has one address for its whole life.
    known.record = { ...record, node: known.record.node };
    if (aliveAt > known.aliveAt) known.aliveAt = aliveAt;
    return false;
  }

  /** Removes an edge, and returns its record if it was known. */
  remove(edgeId: string): EdgeRecord | undefined {
    const record = this.get(edgeId);
    if (record === undefined) return undefined;
    this.edges.delete(edgeId);
    this.removals++;
    return record;
  }

  /** Removes and returns the edges whose last sign of life is older than `oldest`, and that are not known to be alive. */
  expire(oldest: number, isAlive: (edgeId: string) => boolean): EdgeRecord[] {
    const expired: EdgeRecord[] = [];
    for (const [edgeId, { record, aliveAt }] of this.edges)
      if (aliveAt < oldest && !isAlive(edgeId)) expired.push(record);
    for (const { node } of expired) this.remove(node.id);
    return expired;
  }

  /** Gives every edge its full time again, after this process could not receive signs of life. */
  forgive(now: number): void {
    for (const edge of this.edges.values()) edge.aliveAt = now;
  }
}
