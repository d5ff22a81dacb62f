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
    known.record = { node: known.record.node, isComplete: record.isComplete };
    if (aliveAt > known.aliveAt) known.aliveAt = aliveAt;
    return false;
  }

  /** Returns false if the edge was not known. */
  remove(edgeId: string): boolean {
    if (!this.edges.delete(edgeId)) return false;
    this.removals++;
    return true;
  }

  /** Removes and returns the edges whose last sign of life is older than `oldest`, and that are not known to be alive. */
  expire(oldest: number, isAlive: (edgeId: string) => boolean): string[] {
    const expired: string[] = [];
    for (const [edgeId, { aliveAt }] of this.edges)
      if (aliveAt < oldest && !isAlive(edgeId)) expired.push(edgeId);
    for (const edgeId of expired) this.remove(edgeId);
    return expired;
  }

  /** Gives every edge its full time again, after this process could not receive signs of life. */
  forgive(now: number): void {
    for (const edge of this.edges.values()) edge.aliveAt = now;
  }
}
