import type { Directory, EdgeNode, Holder } from './directory.js';

const NONE: readonly Holder[] = [];

/** The directory of a deployment whose only edge is this process. */
export class SoleDirectory implements Directory {
  constructor(readonly self: EdgeNode) {}

  holdersOf(): readonly Holder[] {
    return NONE;
  }

  report(): void {
    // Nobody else asks.
  }

  disbelieve(): void {
    // It never names anybody.
  }

  listen(): void {
    // Nothing ever changes.
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}
