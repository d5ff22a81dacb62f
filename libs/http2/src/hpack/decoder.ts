/**
 * Decodes field blocks to fields (RFC 7541). A block is decoded whole, even past the limits on its list: the table must
 * follow the peer's. Fields past the limits are counted, not kept.
 */
import { compressionError } from '../frames/errors.js';
import { HeaderField } from './header-field.js';
import { huffmanDecode } from './huffman.js';
import { STATIC_TABLE } from './static-table.js';

/** Bytes of the dynamic table: the initial HEADER_TABLE_SIZE, which neither side raises here. */
export const MAX_TABLE_BYTES = 4096;

/** The smallest entry is 32 bytes, so no more fit. */
const SLOTS = MAX_TABLE_BYTES / 32;
const STATIC_COUNT = STATIC_TABLE.length;
const MAX_INTEGER = 2 ** 24;

export interface ListLimits {
  /** Bytes of a list by RFC 7541 §4.1, MAX_HEADER_LIST_SIZE. */
  readonly maxListBytes: number;
  readonly maxFields: number;
  /** The HEADER_TABLE_SIZE that this side has sent, when that is less than `MAX_TABLE_BYTES`. */
  readonly maxTableBytes?: number;
}

let scratch = Buffer.allocUnsafeSlow(4096);

export class HpackDecoder {
  /** Counts entries added and sizes changed: while it stays, equal blocks decode to equal lists. */
  generation = 0;
  /** Whether the last list exceeded a limit, and is therefore incomplete. */
  isOverLimit = false;
  // A ring; the newest entry is at `newest`.
  private readonly entries: (HeaderField | null)[] = new Array<HeaderField | null>(SLOTS).fill(null);
  private newest = -1;
  private count = 0;
  private bytes = 0;
  private readonly maxTableBytes: number;
  private maxBytes: number;

  private block: Buffer = scratch;
  private at = 0;
  private end = 0;

  constructor(private readonly limits: ListLimits) {
    this.maxTableBytes = Math.min(limits.maxTableBytes ?? MAX_TABLE_BYTES, MAX_TABLE_BYTES);
    this.maxBytes = this.maxTableBytes;
  }

  /** Decodes `block[from..to)`. Throws Http2Error when it is not a field block. */
  decode(block: Buffer, from: number, to: number): HeaderField[] {
    this.block = block;
    this.at = from;
    this.end = to;
    this.isOverLimit = false;
    const { maxListBytes, maxFields } = this.limits;
    const fields: HeaderField[] = [];
    let listBytes = 0;
    let mayResize = true;
    while (this.at < to) {
      const byte = block[this.at];
      let field: HeaderField;
      if (byte >= 0x80) {
        field = this.entry(this.integer(0x7f));
      } else if (byte >= 0x40) {
        field = this.literal(this.integer(0x3f));
        this.add(field);
      } else if (byte >= 0x20) {
        // §4.2: only at the beginning of a block.
        if (!mayResize) throw compressionError('table size changed within a block');
        this.resize(this.integer(0x1f));
        continue;
      } else {
        field = this.literal(this.integer(0x0f));
      }
      mayResize = false;
      listBytes += field.size;
      if (listBytes > maxListBytes || fields.length === maxFields) this.isOverLimit = true;
      else fields.push(field);
    }
    return fields;
  }

  private entry(index: number): HeaderField {
    if (index === 0) throw compressionError('index 0');
    if (index <= STATIC_COUNT) return STATIC_TABLE[index - 1];
    const age = index - STATIC_COUNT - 1;
    if (age >= this.count) throw compressionError('index beyond the table');
    return this.entries[(this.newest - age + SLOTS) % SLOTS]!;
  }

  /** Returns a literal field whose name is that of entry `index`, or follows when that is 0. */
  private literal(index: number): HeaderField {
    if (index !== 0) return this.entry(index).with(this.string());
    const name = this.string();
    return HeaderField.of(name, this.string());
  }

  private string(): string {
    if (this.at >= this.end) throw compressionError('block ends within a field');
    const isCoded = this.block[this.at] >= 0x80;
    const length = this.integer(0x7f);
    const start = this.at;
    const end = start + length;
    if (end > this.end) throw compressionError('block ends within a string');
    this.at = end;
    if (!isCoded) return this.block.toString('latin1', start, end);
    // Codes have five bits or more.
    if (scratch.length < 2 * length) scratch = Buffer.allocUnsafeSlow(4 * length);
    const decoded = huffmanDecode(this.block, start, end, scratch);
    if (decoded < 0) throw compressionError('bad Huffman code');
    return scratch.toString('latin1', 0, decoded);
  }

  /** §5.1, with the prefix that `mask` covers. */
  private integer(mask: number): number {
    const { block, end } = this;
    let value = block[this.at++] & mask;
    if (value < mask) return value;
    for (let shift = 0; ; shift += 7) {
      if (this.at >= end) throw compressionError('block ends within a number');
      const byte = block[this.at++];
      value += (byte & 0x7f) * 2 ** shift;
      // Also refuses numbers that are padded with zeros: no valid number needs a fifth byte.
      if (value > MAX_INTEGER || shift > 21) throw compressionError('number too large');
      if (byte < 0x80) return value;
    }
  }

  private add(field: HeaderField): void {
    this.generation++;
    const { size } = field;
    this.evictTo(this.maxBytes - size);
    if (size > this.maxBytes) return;
    this.newest = (this.newest + 1) % SLOTS;
    this.entries[this.newest] = field;
    this.count++;
    this.bytes += size;
  }

  private resize(maxBytes: number): void {
    if (maxBytes > this.maxTableBytes) throw compressionError('table larger than allowed');
    this.generation++;
    this.maxBytes = maxBytes;
    this.evictTo(maxBytes);
  }

  private evictTo(maxBytes: number): void {
    while (this.count > 0 && this.bytes > maxBytes) {
      const oldest = (this.newest - this.count + 1 + SLOTS) % SLOTS;
      this.bytes -= this.entries[oldest]!.size;
      this.entries[oldest] = null;
      this.count--;
    }
  }
}
