/** How long traffic is remembered. */
export const TRAFFIC_MEMORY_MS = 24 * 60 * 60 * 1000;

/** What the requests of one preview came to. */
export interface TrafficCounts {
  /** That passed the gate, by when they did. */
  readonly requests: number;
  /** Answers of the service with a status of 400 to 499. */
  readonly clientErrors: number;
  /** Answers of the service with a status of 500 and above. */
  readonly serverErrors: number;
  /** Answers of the edge instead of the service's, and answers that broke off. */
  readonly edgeErrors: number;
  /** To the service, heads included. */
  readonly bytesIn: number;
  /** From the service, heads included. */
  readonly bytesOut: number;
  /** Heads of answers of the service: those that the next two are about. */
  readonly answers: number;
  readonly firstByteMsSum: number;
  readonly firstByteMsMax: number;
}

/** What one edge counted of one preview, to be added to what there is of that minute. */
export interface TrafficDraft extends TrafficCounts {
  readonly teamId: string;
  readonly previewId: string;
  /** When the minute begins. */
  readonly minute: Date;
}

export interface TrafficMinute extends TrafficCounts {
  readonly minute: Date;
}

/** A part of one preview's traffic within a time that was cut into steps. */
export interface TrafficStep {
  readonly previewId: string;
  /** Of the step; the first is 0. */
  readonly index: number;
  readonly requests: number;
  /** Of all kinds. */
  readonly errors: number;
}
