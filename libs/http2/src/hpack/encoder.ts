/**
 * Encodes fields to field blocks (RFC 7541). Repeated fields are added to the dynamic table and become one or two bytes;
 * values that change with each response, or are secret, are never added. The table is a map from text to entry, so that a
 * lookup compares no fields one by one.
 *
 * Blocks are written to memory that all encoders share, and are valid until the next block is begun.
 */
import { MAX_TABLE_BYTES } from './decoder.js';
import { huffmanEncode, huffmanLength } from './huffman.js';
import { STATIC_NAMES, STATIC_TABLE } from './static-table.js';
import { FIELD_OVERHEAD_BYTES } from './header-field.js';

const STATIC_COUNT = STATIC_TABLE.length;

/** Values above this size seldom repeat, and would evict many that do. */
const MAX_INDEXED_VALUE_BYTES = 512;

/** Literals from this size on are Huffman coded; for shorter ones the time is worth more than the bytes. */
const MIN_CODED_BYTES = 32;

/** Names whose values differ from response to response, or whose size would reveal their content (§7.1). */
const NOT_INDEXED: ReadonlySet<string> = new Set([
  'age',
  'content-disposition',
  'content-length',
  'content-range',
  'etag',
  'last-modified',
  'link',
  'location',
  'x-request-id',
]);
const SECRET: ReadonlySet<string> = new Set([
  'authorization',
  'cookie',
  'proxy-authorization',
  'set-cookie',
  'authentication-info',
  'proxy-authentication-info',
]);

const INDEXED_STATUS: ReadonlyMap<number, number> = new Map(
  STATIC_TABLE.flatMap(({ name, value }, i) => (name === ':status' ? [[Number(value), i + 1] as const] : [])),
);

let scratch = Buffer.allocUnsafeSlow(16_384);

export class HpackEncoder {
  /** Bytes of the block so far, in `bytes`. */
  length = 0;
  /** Counts changes of the table: while it stays, equal fields make equal blocks. */
  generation = 0;
  /** Each entry's key to its number; numbers count up from 0 as entries are added. */
  private readonly numbers = new Map<string, number>();
  // A queue of the entries, oldest first: keys and sizes.
  private readonly keys: string[] = [];
  private readonly sizes: number[] = [];
  private first = 0;
  private added = 0;
  private tableBytes = 0;
  private maxBytes: number;
  /** The smallest and the last size since the last block, or -1: the next block must announce both (§4.2). */
  private pendingMin = -1;

  /** @param ownMaxBytes largest size of the table, whatever the peer allows; with 0 all fields are literals */
  constructor(private readonly ownMaxBytes = MAX_TABLE_BYTES) {
    this.maxBytes = ownMaxBytes;
  }

  /** Adds fields as they were encoded before, at the same `generation`. */
  addEncoded(fields: Buffer): void {
    this.reserve(fields.length);
    scratch.set(fields, this.length);
    this.length += fields.length;
  }

  /** Returns the bytes written since `begin`. */
  get bytes(): Buffer {
    return scratch;
  }

  /** The peer's HEADER_TABLE_SIZE. */
  setMaxTableBytes(peerBytes: number): void {
    const maxBytes = Math.min(peerBytes, this.ownMaxBytes);
    if (maxBytes === this.maxBytes) return;
    this.pendingMin = this.pendingMin < 0 ? maxBytes : Math.min(this.pendingMin, maxBytes);
    this.maxBytes = maxBytes;
    this.generation++;
    this.evictTo(maxBytes);
  }

  /** Begins a block; the one before is forgotten. */
  begin(): void {
    this.length = 0;
    if (this.pendingMin < 0) return;
    this.reserve(16);
    if (this.pendingMin < this.maxBytes) this.integer(0x20, 0x1f, this.pendingMin);
    this.integer(0x20, 0x1f, this.maxBytes);
    this.pendingMin = -1;
  }

  status(status: number): void {
    const index = INDEXED_STATUS.get(status);
    this.reserve(8);
    if (index === undefined) this.add(':status', String(status));
    else scratch[this.length++] = 0x80 | index;
  }

  /**
   * Adds a field that is known by `key`, any text that stands for this name and value only, such as the line of
   * HTTP/1.1 it came as. Returns false when the table does not have it: `add` must follow, with the same key.
   */
  addKnown(key: string): boolean {
    const number = this.numbers.get(key);
    if (number === undefined) return false;
    this.reserve(8);
    this.integer(0x80, 0x7f, STATIC_COUNT + this.added - number);
    return true;
  }

  /** Adds a field: `name` in lower case, both of one byte a character. */
  add(name: string, value: string, key: string = `${name}: ${value}`): void {
    // A coded string is at most four times as long, and is only used when it is shorter.
    this.reserve(name.length + value.length + 24);
    const nameIndex = STATIC_NAMES.get(name) ?? 0;
    if (SECRET.has(name)) {
      this.literal(0x10, 0x0f, nameIndex, name, value, MIN_CODED_BYTES);
    } else if (
      value.length > MAX_INDEXED_VALUE_BYTES ||
      NOT_INDEXED.has(name) ||
      name.length + value.length + FIELD_OVERHEAD_BYTES > this.maxBytes ||
      this.numbers.has(key)
    ) {
      this.literal(0x00, 0x0f, nameIndex, name, value, MIN_CODED_BYTES);
    } else {
      // An added entry is encoded once, so the smallest form is worth its cost.
      this.literal(0x40, 0x3f, nameIndex, name, value, 1);
      this.enter(key, name.length + value.length + FIELD_OVERHEAD_BYTES);
    }
  }

  /** Adds a field without adding it to the table, since its value is not likely to repeat. */
  addOnce(name: string, value: string): void {
    this.reserve(name.length + value.length + 24);
    this.literal(0x00, 0x0f, STATIC_NAMES.get(name) ?? 0, name, value, MIN_CODED_BYTES);
  }

  private literal(
    pattern: number,
    mask: number,
    nameIndex: number,
    name: string,
    value: string,
    minCodedBytes: number,
  ): void {
    this.integer(pattern, mask, nameIndex);
    if (nameIndex === 0) this.string(name, minCodedBytes);
    this.string(value, minCodedBytes);
  }

  private string(text: string, minCodedBytes: number): void {
    const { length } = text;
    if (length >= minCodedBytes) {
      const coded = huffmanLength(text);
      if (coded < length) {
        this.integer(0x80, 0x7f, coded);
        this.length = huffmanEncode(text, scratch, this.length);
        return;
      }
    }
    this.integer(0x00, 0x7f, length);
    scratch.write(text, this.length, length, 'latin1');
    this.length += length;
  }

  private integer(pattern: number, mask: number, value: number): void {
    if (value < mask) {
      scratch[this.length++] = pattern | value;
      return;
    }
    scratch[this.length++] = pattern | mask;
    let rest = value - mask;
    for (; rest >= 0x80; rest >>>= 7) scratch[this.length++] = (rest & 0x7f) | 0x80;
    scratch[this.length++] = rest;
  }

  private enter(key: string, size: number): void {
    this.evictTo(this.maxBytes - size);
    // A copy: the key may be a part of a much longer text, which it would keep alive.
    const own = Buffer.from(key, 'latin1').toString('latin1');
    this.numbers.set(own, this.added++);
    this.generation++;
    this.keys.push(own);
    this.sizes.push(size);
    this.tableBytes += size;
  }

  private evictTo(maxBytes: number): void {
    while (this.tableBytes > maxBytes && this.first < this.keys.length) {
      this.numbers.delete(this.keys[this.first]);
      this.tableBytes -= this.sizes[this.first];
      this.first++;
    }
    // Drops the queue's used part once it is larger than the rest: constant cost per entry.
    if (this.first > 64 && this.first * 2 > this.keys.length) {
      this.keys.splice(0, this.first);
      this.sizes.splice(0, this.first);
      this.first = 0;
    }
  }

  private reserve(bytes: number): void {
    const needed = this.length + bytes;
    if (needed <= scratch.length) return;
    const grown = Buffer.allocUnsafeSlow(2 * needed);
    scratch.copy(grown, 0, 0, this.length);
    scratch = grown;
  }
}
