/**
 * Counts of the requests of one route since the last read: plain numbers, so that counting costs a request
 * a few additions.
 */
export class RouteTraffic {
  /** Requests that passed the gate. */
  requests = 0;
  /** Answers of the service with a status of 400 to 499, and of 500 and above. */
  clientErrors = 0;
  serverErrors = 0;
  /** Answers of the relay instead of the service's, and answers that broke off. */
  edgeErrors = 0;
  /** Bytes to the service and from it, heads included. */
  bytesIn = 0;
  bytesOut = 0;
  /** Heads of answers of the service, and the time from the requests to them, in milliseconds. */
  answers = 0;
  firstByteMsSum = 0;
  firstByteMsMax = 0;

  constructor(
    readonly teamId: string,
    readonly previewId: string,
  ) {}

  get isEmpty(): boolean {
    return this.requests === 0 && this.bytesIn === 0 && this.bytesOut === 0 && this.edgeErrors === 0;
  }

  /** Counts a request that passed the gate and was then refused. */
  countRefused(): void {
    this.requests++;
    this.edgeErrors++;
  }

  countAnswer(status: number, firstByteMs: number): void {
    if (status >= 500) this.serverErrors++;
    else if (status >= 400) this.clientErrors++;
    this.answers++;
    this.firstByteMsSum += firstByteMs;
    if (firstByteMs > this.firstByteMsMax) this.firstByteMsMax = firstByteMs;
  }
}
