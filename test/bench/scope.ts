/** Everything that a measure has started; stopped in reverse order, however the measure ends. */
export class Scope {
  private readonly parts: { stop(): Promise<unknown> }[] = [];

  /** @param nodeArgs additional arguments of Culvert's own processes, such as a profiler's */
  constructor(readonly nodeArgs: readonly string[] = []) {}

  /** Returns `part`, which `close` will stop. */
  keep<T extends { stop(): Promise<unknown> }>(part: T): T {
    this.parts.push(part);
    return part;
  }

  /** Stops everything, even if one part cannot be stopped. */
  async close(): Promise<void> {
    const failures: unknown[] = [];
    for (const part of this.parts.splice(0).toReversed()) {
      await part.stop().catch((error: unknown) => failures.push(error));
    }
    if (failures.length > 0) throw new AggregateError(failures, 'parts of the bench did not stop');
  }
}
