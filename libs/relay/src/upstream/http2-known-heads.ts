/**
 * The heads of requests that a session was given, so that a head that comes again is neither parsed nor encoded anew: calls
 * of one visitor differ in their bodies.
 */
import type { RequestHead } from '@culvert/http1';
import type { HpackEncoder } from '@culvert/http2';

const MAX_HEADS = 16;
const MAX_HEAD_BYTES = 2048;

/** A head that was parsed, and its fields as they were encoded. */
export class KnownHead {
  private encoded: Buffer | null = null;
  /** The encoder whose table `encoded` refers to: its bytes mean other fields to any other connection. */
  private encoder: HpackEncoder | null = null;
  private generation = -1;

  constructor(readonly head: RequestHead) {}

  /** Adds the fields as they were encoded before. Returns false when they must be encoded anew. */
  addTo(encoder: HpackEncoder): boolean {
    if (this.encoded === null || this.encoder !== encoder || this.generation !== encoder.generation)
      return false;
    encoder.addEncoded(this.encoded);
    return true;
  }

  /**
   * Keeps the bytes that were encoded from `start` on, but only if they did not change the table: fields that were just
   * entered become references the next time.
   */
  keep(encoder: HpackEncoder, start: number, generation: number): void {
    if (encoder.generation !== generation) return;
    this.encoded = Buffer.from(encoder.bytes.subarray(start, encoder.length));
    this.encoder = encoder;
    this.generation = generation;
  }
}

export class KnownHeads {
  private readonly heads = new Map<string, KnownHead>();
  private key = '';

  /** Returns the known head of `bytes[0..end)`. */
  find(bytes: Buffer, end: number): KnownHead | undefined {
    this.key = end <= MAX_HEAD_BYTES ? bytes.toString('latin1', 0, end) : '';
    return this.heads.get(this.key);
  }

  /** Remembers the head of the last lookup, unless it is too long. */
  remember(head: RequestHead): KnownHead {
    const known = new KnownHead(head);
    if (this.key === '') return known;
    if (this.heads.size >= MAX_HEADS) this.heads.clear();
    this.heads.set(this.key, known);
    return known;
  }

  /** Forgets every head: heads contain secrets of visitors. */
  clear(): void {
    this.heads.clear();
    this.key = '';
  }
}
