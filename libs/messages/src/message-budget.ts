/** Maximum number of messages of a preview that are read in one second, and of characters of their JSON. */
const MAX_MESSAGES_PER_SECOND = 300;
const MAX_LENGTH_PER_SECOND = 1024 * 1024;

/**
 * Limits the work for messages within the exchanges of one preview, whether people watch them or they are kept. A message asks
 * before it is read: the sender must not decide how much of the process it takes.
 */
export class MessageBudget {
  private second = 0;
  private messages = 0;
  private length = 0;

  /** Reports whether the content of a message that begins now may be read. */
  begin(): boolean {
    if (!this.hasRoom || this.messages >= MAX_MESSAGES_PER_SECOND) return false;
    this.messages++;
    return true;
  }

  /** Reports whether one more message that has been read may be shown now: many may have begun before the first one ended. */
  get hasRoom(): boolean {
    const second = Math.floor(performance.now() / 1000);
    if (second !== this.second) {
      this.second = second;
      this.messages = 0;
      this.length = 0;
    }
    return this.length < MAX_LENGTH_PER_SECOND;
  }

  /** Counts the JSON of a message that is shown. */
  spend(length: number): void {
    this.length += length;
  }
}
