import { HttpError } from './http-error.js';

interface Origin {
  inUse: number;
  readonly waiting: { readonly resolve: () => void; readonly reject: (error: HttpError) => void }[];
}

/**
 * Places for requests to one origin over HTTP/1.1, where each request has a connection of its own. Requests beyond the limit
 * wait in order of arrival. Node's agents have such a limit too, but count a connection only once it is open.
 */
export class Places {
  private readonly origins = new Map<string, Origin>();

  constructor(private readonly maxPerOrigin: number) {}

  /** Resolves when a place is reserved; `release` frees it. Rejects when `stop` is called first. */
  async reserve(name: string): Promise<void> {
    let origin = this.origins.get(name);
    if (origin === undefined) this.origins.set(name, (origin = { inUse: 0, waiting: [] }));
    const { waiting } = origin;
    if (origin.inUse < this.maxPerOrigin) origin.inUse++;
    else await new Promise<void>((resolve, reject) => waiting.push({ resolve, reject }));
  }

  /** Passes a place to the longest-waiting request, if any. */
  release(name: string): void {
    const origin = this.origins.get(name);
    if (origin === undefined) return;
    const next = origin.waiting.shift();
    if (next !== undefined) next.resolve();
    else if (--origin.inUse === 0) this.origins.delete(name);
  }

  /** Rejects all requests that wait. */
  stop(): void {
    for (const { waiting } of this.origins.values())
      for (const { reject } of waiting.splice(0)) reject(new HttpError('broken', 'the client was closed'));
  }
}
