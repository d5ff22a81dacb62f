/** What a measure has started; ended in reverse order, however the measure ends. */
export class Scope {
  private readonly parts: { stop(): Promise<unknown> }[] = [];

  /** @param nodeArgs what Culvert's own processes get besides: a profiler's switches */
  constructor(readonly nodeArgs: readonly string[] = []) {}

  /** Returns `part`, which `close` will stop. */
  keep<T extends { stop(): Promise<unknown> }>(part: T): T {
    this.parts.push(part);
    return part;
  }

  /** Stops everything; one part that cannot be stopped does not save the others. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (const part of this.parts.splice(0).toReversed()) {
      await part.stop().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw new AggregateError(failures, 'parts of the bench did not stop');
  }
}
