/** The connection to a manager, as the measurement uses it. */
export interface MeasuredConnection {
  /** Whether every SETTINGS of this side was acknowledged. */
  readonly isAcknowledged: boolean;
  /** Sends SETTINGS that change nothing. */
  measure(): void;
}

/**
 * Measures the round trip to a manager, from SETTINGS to their acknowledgement. Managers up to 2.3.1 count PINGs and end
 * connections with more than one in five minutes; no manager counts SETTINGS.
 */
export class RoundTrip {
  /** The last round trip in milliseconds; 0 before the first. */
  ms = 0;
  /** Time when the SETTINGS that await their acknowledgement were sent. */
  private sentAt = 0;
  private measurements = 0;

  /** @param onMeasured `ms` is that of the network. Called once */
  constructor(
    private readonly connection: MeasuredConnection,
    private readonly onMeasured: () => void,
  ) {}

  /** The connection's first SETTINGS were sent. */
  start(): void {
    this.sentAt = performance.now();
  }

  measure(): void {
    if (!this.connection.isAcknowledged) return;
    this.sentAt = performance.now();
    this.connection.measure();
  }

  handleAcknowledged(): void {
    this.ms = performance.now() - this.sentAt;
    this.measurements++;
    // The first one includes the time that the manager takes to start its server.
    if (this.measurements === 1) this.measure();
    else if (this.measurements === 2) this.onMeasured();
  }
}
