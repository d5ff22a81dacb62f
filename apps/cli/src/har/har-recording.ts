import type { Exchange, ExchangeBodies } from '@culvert/contract';
import { VERSION } from '@culvert/client';
import { WholeFile } from '../files/whole-file.js';
import { toHar, type HarItem } from './har.js';

const MAX_EXCHANGES = 10_000;
/** Limit of all captured bodies together, in base64. */
const MAX_BODY_CHARACTERS = 128 * 1024 * 1024;

/** Collects the newest exchanges, and writes them to a file at the end. */
export class HarRecording {
  private readonly file: WholeFile;
  private readonly items = new Map<string, HarItem>();
  private bodyCharacters = 0;
  private dropped = 0;

  /** @throws CliError if the file cannot be written */
  constructor(
    readonly path: string,
    private readonly origin: string,
  ) {
    this.file = new WholeFile(path);
  }

  /** Number of exchanges in the recording. */
  get size(): number {
    return this.items.size;
  }

  /** Number of older exchanges that were left out because there were too many. */
  get omitted(): number {
    return this.dropped;
  }

  add(exchange: Exchange): void {
    const bodies = this.items.get(exchange.id)?.bodies ?? null;
    this.items.set(exchange.id, { exchange, bodies });
    this.dropOldest();
  }

  /** Adds bodies of an exchange that was added before; others are ignored. */
  addBodies(bodies: ExchangeBodies): void {
    const item = this.items.get(bodies.id);
    if (item === undefined) return;
    this.bodyCharacters += charactersOf(bodies) - charactersOf(item.bodies);
    this.items.set(bodies.id, { ...item, bodies });
    this.dropOldest();
  }

  /** Writes the file. @throws CliError if that fails */
  finish(): void {
    const comment = this.dropped > 0 ? `${this.dropped} older exchanges are left out.` : '';
    const { origin } = this;
    const har = toHar([...this.items.values()], { origin, version: VERSION, comment });
    this.file.write(Buffer.from(`${JSON.stringify(har, null, 2)}\n`));
    this.file.finish();
  }

  abandon(): void {
    this.file.abandon();
  }

  private dropOldest(): void {
    for (const [id, { bodies }] of this.items) {
      const isTooMuch = this.items.size > MAX_EXCHANGES || this.bodyCharacters > MAX_BODY_CHARACTERS;
      if (!isTooMuch || this.items.size === 1) return;
      this.items.delete(id);
      this.bodyCharacters -= charactersOf(bodies);
      this.dropped++;
    }
  }
}

function charactersOf(bodies: ExchangeBodies | null): number {
  return (bodies?.request?.base64.length ?? 0) + (bodies?.response?.base64.length ?? 0);
}
