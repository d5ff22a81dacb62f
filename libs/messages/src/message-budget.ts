/** Maximum number of messages of a preview that are sent in one second, and of characters of their lines. */
const MAX_MESSAGES_PER_SECOND = 300;
const MAX_LENGTH_PER_SECOND = 1024 * 1024;

/** Limits the messages within exchanges that watchers of one preview get, and counts those that they do not get. */
export class MessageBudget {
  private second = 0;
  private messages = 0;
  private length = 0;
  private omitted = 0;

  /** Reports whether a line may be sent. */
  take(length: number): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.second) {
      this.second = second;
      this.messages = 0;
      this.length = 0;
    }
    this.messages++;
    this.length += length;
    const mayPass = this.messages <= MAX_MESSAGES_PER_SECOND && this.length <= MAX_LENGTH_PER_SECOND;
    if (!mayPass) this.omitted++;
    return mayPass;
  }

  /** Returns how many lines were refused since the last call. */
  takeOmitted(): number {
    const { omitted } = this;
    this.omitted = 0;
    return omitted;
  }
}
