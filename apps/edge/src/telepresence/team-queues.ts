/**
 * Queues of work by team, done one piece at a time in order of arrival. If pieces took turns, they would finish
 * together: of a burst of calls with one deadline, all would be in time or none.
 */
export class TeamQueues {
  private readonly queues = new Map<string, { last: Promise<unknown>; length: number }>();

  /** @param maxLength most pieces of work of one team that wait or run */
  constructor(private readonly maxLength: number) {}

  /** Does `work` after everything before it, whatever its result. Null if the queue is full. */
  add<T>(teamId: string, work: () => Promise<T>): Promise<T> | null {
    let queue = this.queues.get(teamId);
    if (queue === undefined) this.queues.set(teamId, (queue = { last: Promise.resolve(), length: 0 }));
    if (queue.length >= this.maxLength) return null;
    queue.length += 1;
    const added = queue;
    const result = added.last.then(work);
    added.last = result.then(
      () => this.leave(teamId, added),
      () => this.leave(teamId, added),
    );
    return result;
  }

  private leave(teamId: string, queue: { length: number }): void {
    queue.length -= 1;
    if (queue.length === 0) this.queues.delete(teamId);
  }
}
