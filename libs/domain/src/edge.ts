/** A process that serves visitors and holds tunnels. */
export interface Edge {
  /** Random, new with every start of the process. At most 64 characters. */
  readonly id: string;
  /** Name for people, which tells the edges of one host apart. At most 255 characters. */
  readonly name: string;
  /** Version of its program. At most 64 characters. */
  readonly version: string;
  readonly startedAt: Date;
}

/**
 * An edge that has not been seen for this long is dead: any other edge removes its tunnels. Living edges are seen three
 * times as often.
 */
export const MAX_EDGE_SILENCE_MS = 30_000;
