import { randomUUID } from 'node:crypto';
import { type DirectoryTimes, type EdgeNode, type Holding, RedisDirectory } from '@culvert/fleet';

/** One edge: its directory, and the events that the simulation waits for. */
export interface SimulatedEdge {
  readonly directory: RedisDirectory;
  onHolders: ((trafficManagerId: string) => void) | null;
  onEdgeGone: ((edgeId: string) => void) | null;
}

/** Creates an edge whose directory connects to a Redis. */
export function createEdge(
  redisUrl: string,
  onError: (error: unknown) => void,
  times: Partial<DirectoryTimes>,
): SimulatedEdge {
  const id = randomUUID();
  const self: EdgeNode = {
    id,
    address: `${id.slice(0, 8)}.edges.internal:9091`,
    machineId: id.slice(0, 8),
    socketPath: `/run/culvert/${id.slice(0, 8)}.sock`,
  };
  const edge: SimulatedEdge = {
    directory: new RedisDirectory(redisUrl, self, onError, times),
    onHolders: null,
    onEdgeGone: null,
  };
  edge.directory.listen({
    onHolders: (trafficManagerId) => edge.onHolders?.(trafficManagerId),
    onEdgeGone: (edgeId) => edge.onEdgeGone?.(edgeId),
  });
  return edge;
}

/** What a traffic manager's tunnels at one edge look like: an object of its own for each, as in an edge. */
export function createHolding(): Holding {
  return { tunnelCount: 1, streamCount: 0, roundTripMs: 20 };
}

/** Resolves when the holders of a traffic manager at every edge pass a check; resolves with the milliseconds it took. */
export function whenKnown(
  edges: readonly SimulatedEdge[],
  trafficManagerId: string,
  isKnown: (edge: SimulatedEdge) => boolean,
): Promise<number> {
  const before = performance.now();
  return new Promise((resolve) => {
    let missing = edges.length;
    for (const edge of edges) {
      edge.onHolders = (id) => {
        if (id !== trafficManagerId || !isKnown(edge)) return;
        edge.onHolders = null;
        if (--missing === 0) resolve(performance.now() - before);
      };
    }
  });
}

/** Resolves when every edge has noticed that an edge is gone, with the milliseconds that each took. */
export function whenGone(edges: readonly SimulatedEdge[], goneId: string): Promise<number[]> {
  const before = performance.now();
  return new Promise((resolve) => {
    const delays: number[] = [];
    for (const edge of edges) {
      edge.onEdgeGone = (id) => {
        if (id !== goneId) return;
        edge.onEdgeGone = null;
        delays.push(performance.now() - before);
        if (delays.length === edges.length) resolve(delays);
      };
    }
  });
}

/** Waits for a state that no event announces. */
export async function until(isReached: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isReached())) await new Promise((resolve) => setTimeout(resolve, 50));
}
