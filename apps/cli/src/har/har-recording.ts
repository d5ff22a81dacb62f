import type { CapturedBody, Exchange, ExchangeBodies, ExchangeMessage } from '@culvert/contract';
import { VERSION } from '@culvert/client';
import { decodedBytes, harText, type HarItem } from '@culvert/exchanges';
import { WholeFile } from '../files/whole-file.js';

const MAX_EXCHANGES = 10_000;
/** Messages of one exchange; the newest are kept. */
const MAX_MESSAGES = 1000;
/** Limit of all captured bodies together, as they are held in memory and as they are written. */
const MAX_BODY_CHARACTERS = 128 * 1024 * 1024;

interface RecordedItem extends HarItem {
  /** Size of its bodies, which counts towards the limit. */
  readonly characters: number;
}

/** Collects the newest exchanges, and writes them to a file at the end. */
export class HarRecording {
  private readonly file: WholeFile;
  private readonly items = new Map<string, RecordedItem>();
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
    const { bodies = null, characters = 0 } = this.items.get(exchange.id) ?? {};
    this.items.set(exchange.id, { exchange, bodies, characters });
    this.dropOldest();
  }

  /** Adds bodies of an exchange that was added before; others are ignored. */
  addBodies(bodies: ExchangeBodies): void {
    const item = this.items.get(bodies.id);
    if (item === undefined) return;
    const messages = allMessages(item.bodies?.messages, bodies.messages);
    this.set(item, messages.length === 0 ? bodies : { ...bodies, messages });
  }

  /** Adds a message of an exchange that was added before; others are ignored. */
  addMessage(message: ExchangeMessage): void {
    const item = this.items.get(message.exchangeId);
    if (item === undefined) return;
    const { bodies } = item;
    const { request = null, response = null } = bodies ?? {};
    this.set(item, {
      id: message.exchangeId,
      request,
      response,
      messages: allMessages(bodies?.messages, [message]),
    });
  }

  private set(item: RecordedItem, bodies: ExchangeBodies): void {
    let characters = charactersOf(bodies.request) + charactersOf(bodies.response);
    for (const { text, base64 } of bodies.messages ?? [])
      characters += (text?.length ?? 0) + (base64?.length ?? 0);
    this.bodyCharacters += characters - item.characters;
    this.items.set(bodies.id, { ...item, bodies, characters });
    this.dropOldest();
  }

  /** Writes the file, and leaves nothing if that fails. Must be called once. @throws CliError if that fails */
  finish(): void {
    const comment = this.dropped > 0 ? `${this.dropped} older exchanges are left out.` : '';
    const { origin } = this;
    try {
      for (const part of harText(this.items.values(), { origin, version: VERSION, comment }))
        this.file.write(Buffer.from(part));
      this.file.finish();
    } catch (error) {
      this.abandon();
      throw error;
    }
  }

  abandon(): void {
    this.file.abandon();
  }

  private dropOldest(): void {
    for (const [id, { characters }] of this.items) {
      const isTooMuch = this.items.size > MAX_EXCHANGES || this.bodyCharacters > MAX_BODY_CHARACTERS;
      if (!isTooMuch || this.items.size === 1) return;
      this.items.delete(id);
      this.bodyCharacters -= characters;
      this.dropped++;
    }
  }
}

/** Returns messages of both lists once each, the newest up to a limit. */
function allMessages(
  before: readonly ExchangeMessage[] = [],
  added: readonly ExchangeMessage[] = [],
): ExchangeMessage[] {
  const last = before.at(-1)?.seq ?? -1;
  return [...before, ...added.filter(({ seq }) => seq > last)].slice(-MAX_MESSAGES);
}

/** A body is written without its content coding, which can make it a thousand times longer. */
function charactersOf(body: CapturedBody | null): number {
  return body === null ? 0 : Math.max(body.base64.length, decodedBytes(body).bytes.length);
}
