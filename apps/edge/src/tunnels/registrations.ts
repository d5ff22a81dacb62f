import type { HeldTunnel, Session, SessionRegistration, Store } from '@culvert/domain';

/** What the caller knows of a tunnel that it registers. */
export type TunnelRegistration = Omit<SessionRegistration, 'edgeId' | 'at' | 'maxSessions'>;

/** A tunnel that has a record, and its session. */
export interface RecordedTunnel {
  readonly session: Session;
  /** Whether the session existed before the tunnel. */
  readonly resumed: boolean;
  readonly tunnel: HeldTunnel;
}

/** The edge stops, and the tunnel has no record. */
export class EdgeStoppingError extends Error {
  constructor() {
    super('the edge is shutting down');
  }
}

export interface RegistrationsOptions {
  readonly sessions: Pick<Store['sessions'], 'register'>;
  readonly edgeId: string;
  readonly maxSessions: number;
  readonly onRecorded: (recorded: RecordedTunnel) => void;
  /** The edge began to stop while the tunnel was recorded. Removes the record. */
  readonly onTooLate: (recorded: RecordedTunnel) => void;
}

/** Registers the tunnels of one edge with the store, until the edge stops. */
export class Registrations {
  private readonly underWay = new Set<Promise<RecordedTunnel>>();
  private isStopped = false;

  constructor(private readonly options: RegistrationsOptions) {}

  /** Whether the edge stops: no tunnel may be held from here on. */
  get isStopping(): boolean {
    return this.isStopped;
  }

  /** Begins or resumes the session of a tunnel, and records the tunnel. Throws EdgeStoppingError once the edge stops. */
  add(teamId: string, registration: TunnelRegistration): Promise<RecordedTunnel> {
    const adding = this.record(teamId, registration).finally(() => this.underWay.delete(adding));
    this.underWay.add(adding);
    return adding;
  }

  /** Lets no further tunnel be registered. Resolves when the registrations under way have ended. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.allSettled(this.underWay);
  }

  private async record(teamId: string, registration: TunnelRegistration): Promise<RecordedTunnel> {
    const { sessions, edgeId, maxSessions, onRecorded, onTooLate } = this.options;
    if (this.isStopping) throw new EdgeStoppingError();
    const recorded = await sessions.register(teamId, {
      ...registration,
      edgeId,
      at: new Date(),
      maxSessions,
    });
    onRecorded(recorded);
    // Only tunnels that were held by then have been asked to leave.
    if (this.isStopping) {
      onTooLate(recorded);
      throw new EdgeStoppingError();
    }
    return recorded;
  }
}
