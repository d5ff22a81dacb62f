/** Milliseconds for which traffic is kept. */
export const TRAFFIC_MEMORY_MS = 24 * 60 * 60 * 1000;

/** Counts for the requests of one preview. */
export interface TrafficCounts {
  /** Requests that passed the gate, counted when they passed it. */
  readonly requests: number;
  /** Responses of the service with a status of 400 to 499. */
  readonly clientErrors: number;
  /** Responses of the service with a status of 500 and above. */
  readonly serverErrors: number;
  /** Responses that the edge sent instead of the service, and responses that broke off. */
  readonly edgeErrors: number;
  /** Bytes to the service, including heads. */
  readonly bytesIn: number;
  /** Bytes from the service, including heads. */
  readonly bytesOut: number;
  /** Response heads of the service, on which the next two are based. */
  readonly answers: number;
  readonly firstByteMsSum: number;
  readonly firstByteMsMax: number;
}

/** Counts of one edge for one preview, to be added to those of that minute. */
export interface TrafficDraft extends TrafficCounts {
  readonly teamId: string;
  readonly previewId: string;
  /** Time when the minute begins. */
  readonly minute: Date;
}

export interface TrafficMinute extends TrafficCounts {
  readonly minute: Date;
}

/** Traffic of one preview in one step of a period. */
export interface TrafficStep {
  readonly previewId: string;
  /** Index of the step; the first is 0. */
  readonly index: number;
  readonly requests: number;
  /** Errors of all kinds. */
  readonly errors: number;
}
