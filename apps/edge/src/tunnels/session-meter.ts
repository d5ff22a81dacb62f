import type { SessionLoad } from '@culvert/domain';
import type { Tunnel } from '@culvert/tunnel';

/** Measures the tunnels of one session that this edge holds, and remembers what was reported. */
export class SessionMeter {
  /** Oldest first. */
  private readonly tunnels: Tunnel[] = [];
  /** Bytes of closed tunnels. */
  private goneReceived = 0;
  private goneSent = 0;
  private reportedReceived = 0;
  private reportedSent = 0;

  add(tunnel: Tunnel): void {
    this.tunnels.push(tunnel);
  }

  remove(tunnel: Tunnel): void {
    const index = this.tunnels.indexOf(tunnel);
    if (index < 0) return;
    this.tunnels.splice(index, 1);
    this.goneReceived += tunnel.receivedBytes;
    this.goneSent += tunnel.sentBytes;
  }

  /** Returns what has not been reported yet. */
  read(): SessionLoad {
    let streamCount = 0;
    let receivedBytes = this.goneReceived - this.reportedReceived;
    let sentBytes = this.goneSent - this.reportedSent;
    for (const tunnel of this.tunnels) {
      streamCount += tunnel.streamCount;
      receivedBytes += tunnel.receivedBytes;
      sentBytes += tunnel.sentBytes;
    }
    const roundTripMs = this.tunnels.at(-1)?.roundTripMs ?? 0;
    return { streamCount, roundTripMs: roundTripMs > 0 ? roundTripMs : null, receivedBytes, sentBytes };
  }

  /** Marks the load that `read` returned as reported. */
  settle({ receivedBytes, sentBytes }: SessionLoad): void {
    this.reportedReceived += receivedBytes;
    this.reportedSent += sentBytes;
  }
}
