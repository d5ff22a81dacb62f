import type { Session } from '../api.js';
import type { Output } from '../output/output.js';
import { showBytes, showTime } from '../output/readable.js';

interface WithTunnels {
  /** Name of the traffic manager. */
  readonly name: string;
  readonly tunnels: Session['tunnels'];
}

/** Lists the tunnels of the traffic managers, each with its edge. */
export function showTunnels(output: Output, trafficManagers: readonly WithTunnels[]): void {
  const rows = trafficManagers.flatMap(({ name, tunnels = [] }) =>
    tunnels.map((tunnel) => ({ name, ...tunnel })),
  );
  if (rows.length === 0) return;
  output.line('');
  output.table(
    ['TUNNEL OF', 'EDGE', 'ROUND TRIP', 'STREAMS', 'RECEIVED', 'SENT', 'OPEN SINCE'],
    rows.map(({ name, edgeName, edgeId, roundTripMs, streamCount, receivedBytes, sentBytes, openedAt }) => [
      name,
      // A restarted edge has the same name and another id.
      edgeName === '' ? edgeId : `${edgeName} ${edgeId.slice(0, 8)}`,
      showRoundTrip(roundTripMs),
      String(streamCount),
      showBytes(receivedBytes),
      showBytes(sentBytes),
      showTime(openedAt),
    ]),
    '',
  );
}

/** Returns a round-trip time for people; empty before it is measured. */
export function showRoundTrip(roundTripMs: number | null): string {
  return roundTripMs === null ? '' : `${roundTripMs.toFixed(1)} ms`;
}
