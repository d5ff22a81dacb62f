import type { Directory, DirectoryFigures, EdgeNode, Holder } from './directory.js';

const NONE: readonly Holder[] = [];

/** The directory of a deployment whose only edge is this process. */
export class SoleDirectory implements Directory {
  constructor(readonly self: EdgeNode) {}

  readonly figures: DirectoryFigures = { edges: 0, cached: 0, held: 0, isConnected: true, isComplete: true };
  readonly hasOtherMachine = false;

  holdersOf(): readonly Holder[] {
    return NONE;
  }

  report(): void {
    // No other edge asks.
  }

  disbelieve(): void {
    // It never names an edge.
  }

  listen(): void {
    // Nothing ever changes.
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}
