/** A bounded memory that teams share: beyond the limit, the team with the most entries loses its least recent one. */
export class SharedMemory<Value extends { readonly teamId: string }> {
  /** Least recent first. */
  private readonly entries = new Map<string, Value>();
  private readonly counts = new Map<string, number>();

  /** @param maxEntries entries of all teams together */
  constructor(private readonly maxEntries: number) {}

  get(key: string): Value | undefined {
    return this.entries.get(key);
  }

  /** Adds or replaces an entry, which becomes the most recent one. */
  set(key: string, value: Value): void {
    this.delete(key);
    this.entries.set(key, value);
    this.counts.set(value.teamId, (this.counts.get(value.teamId) ?? 0) + 1);
    if (this.entries.size > this.maxEntries) this.dropOne();
  }

  delete(key: string): void {
    const value = this.entries.get(key);
    if (value === undefined) return;
    this.entries.delete(key);
    const left = (this.counts.get(value.teamId) ?? 0) - 1;
    if (left > 0) this.counts.set(value.teamId, left);
    else this.counts.delete(value.teamId);
  }

  /** Makes an entry the most recent one. */
  renew(key: string): void {
    const value = this.entries.get(key);
    if (value === undefined) return;
    this.entries.delete(key);
    this.entries.set(key, value);
  }

  /** Returns a copy of all entries, least recent first. */
  all(): readonly (readonly [key: string, value: Value])[] {
    return [...this.entries];
  }

  private dropOne(): void {
    let largest = '';
    let most = 0;
    for (const [teamId, count] of this.counts) if (count > most) [largest, most] = [teamId, count];
    for (const [key, { teamId }] of this.entries) if (teamId === largest) return this.delete(key);
  }
}
