import type { PlaceCounts } from './messages.js';

/** Adds up, for the supervisor, how many connections each network has with each worker. */
export class SharedPlaces {
  /** By network, then by the number of the worker. */
  private readonly byNetwork = new Map<string, Map<number, number>>();

  /** Records what a worker holds. Returns, for each of `others`, what the workers beside it hold of these networks. */
  update(worker: number, counts: PlaceCounts, others: readonly number[]): Map<number, PlaceCounts> {
    for (const [network, count] of counts) this.set(network, worker, count);
    return new Map(
      others.map((other) => [
        other,
        counts.map(([network]) => [network, this.beside(network, other)] as const),
      ]),
    );
  }

  /** Forgets a worker that has ended. Returns what changes for each of `others`. */
  remove(worker: number, others: readonly number[]): Map<number, PlaceCounts> {
    const held: [string, number][] = [];
    for (const [network, counts] of this.byNetwork) if (counts.has(worker)) held.push([network, 0]);
    return this.update(worker, held, others);
  }

  /** Returns what all workers beside this one hold, for one that has just started. */
  allBeside(worker: number): PlaceCounts {
    return [...this.byNetwork.keys()].map((network) => [network, this.beside(network, worker)] as const);
  }

  private set(network: string, worker: number, count: number): void {
    let counts = this.byNetwork.get(network);
    if (counts === undefined) this.byNetwork.set(network, (counts = new Map()));
    if (count > 0) counts.set(worker, count);
    else counts.delete(worker);
    if (counts.size === 0) this.byNetwork.delete(network);
  }

  private beside(network: string, worker: number): number {
    let sum = 0;
    for (const [holder, count] of this.byNetwork.get(network) ?? []) if (holder !== worker) sum += count;
    return sum;
  }
}
