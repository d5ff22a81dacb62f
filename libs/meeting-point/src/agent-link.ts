import type { Stream, StreamHandler } from '@culvert/tunnel';
import { Link, streamTarget, type LinkOptions } from './link.js';
import { managerToAgent, type Announcement, type LookedFor } from './messages.js';

export interface AgentLinkOptions extends LinkOptions {
  readonly announcement: Announcement;
  /**
   * Sets the intercepts to look for from now on; empty when the tunnel is lost. Returns those it cannot look for, and why.
   */
  readonly onIntercepts: (intercepts: readonly LookedFor[]) => readonly InterceptProblem[];
}

export interface InterceptProblem {
  readonly id: string;
  readonly message: string;
}

/** An agent's end: announces the workload, receives what to look for, opens streams to clients. */
export class AgentLink {
  private readonly link: Link;

  /** Starts dialing at once. */
  constructor(options: AgentLinkOptions) {
    const { announcement, onIntercepts } = options;
    this.link = new Link(options, {
      firstLine: () => ({ type: 'agent', ...announcement }),
      onLine: (line) => {
        const read = managerToAgent.safeParse(line);
        // Ignores lines of a newer traffic manager.
        if (!read.success) return;
        const errors = onIntercepts(read.data.intercepts);
        this.link.send({ type: 'applied', revision: read.data.revision, errors });
      },
      onLost: () => void onIntercepts([]),
    });
  }

  get isConnected(): boolean {
    return this.link.isConnected;
  }

  /** Opens a stream to the client of an intercept; null without a tunnel, or at its stream limit. */
  openStream(interceptId: string, port: number, handler: StreamHandler): Stream | null {
    return this.link.tunnel?.openStream(streamTarget(interceptId, port), handler) ?? null;
  }

  /** The tunnel that new streams use; null without one. */
  get origin(): object | null {
    return this.link.tunnel;
  }

  /** Lets open streams finish within `graceMs`. */
  stop(graceMs: number): Promise<void> {
    return this.link.stop('the traffic agent is stopping', graceMs);
  }

  close(): void {
    this.link.close('the traffic agent is stopping');
  }
}
