import { Listeners } from './listeners.js';

/** The subscribers of each topic in this process. */
export class Topics {
  private readonly byName = new Map<string, { readonly listeners: Listeners<[string]>; count: number }>();

  constructor(private readonly onError: (error: unknown) => void) {}

  /** Returns a function that unsubscribes. */
  add(name: string, listener: (message: string) => void): () => void {
    let topic = this.byName.get(name);
    if (!topic) this.byName.set(name, (topic = { listeners: new Listeners(this.onError), count: 0 }));
    const held = topic;
    held.count++;
    const remove = held.listeners.add(listener);
    let isHeard = true;
    return () => {
      if (!isHeard) return;
      isHeard = false;
      remove();
      if (--held.count === 0 && this.byName.get(name) === held) this.byName.delete(name);
    };
  }

  has(name: string): boolean {
    return this.byName.has(name);
  }

  names(): string[] {
    return [...this.byName.keys()];
  }

  deliver(name: string, message: string): void {
    this.byName.get(name)?.listeners.call(message);
  }

  clear(): void {
    for (const { listeners } of this.byName.values()) listeners.clear();
    this.byName.clear();
  }
}
