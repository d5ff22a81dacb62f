/**
 * Decodes the needed fields of an InterceptInfoSnapshot. A manager sends one after every change, and every holder of a key can
 * act as a manager. So the cost of reading one is bounded here; the general codec bounds only the number of bytes.
 */
import protobuf from 'protobufjs';
import { MessageError } from './codec.js';
import type { IngressInfo, ShownIntercept } from './types.js';

/** Every intercept of a manager, with the environment of each. */
export const MAX_SNAPSHOT_BYTES = 16 * 1024 * 1024;
const MAX_INTERCEPTS = 10_000;
/** Fields of all intercepts, skipped ones included: some 50 of each, and one for each variable of its environment. */
const MAX_FIELDS = 500_000;
/** Entries of one map; later ones are left out. */
const MAX_ENTRIES = 64;

const LENGTH_DELIMITED = 2;

/**
 * Returns the intercepts of a snapshot. Keys, sessions, environments and specifications are skipped undecoded.
 * @throws MessageError
 */
export function decodeSnapshot(bytes: Uint8Array): ShownIntercept[] {
  if (bytes.length > MAX_SNAPSHOT_BYTES)
    throw new MessageError(`a snapshot of more than ${MAX_SNAPSHOT_BYTES} bytes`);
  try {
    return new SnapshotReader(protobuf.Reader.create(bytes)).read();
  } catch (cause) {
    if (cause instanceof MessageError) throw cause;
    throw new MessageError('not an InterceptInfoSnapshot', { cause });
  }
}

class SnapshotReader {
  private fieldCount = 0;

  constructor(private readonly reader: protobuf.Reader) {}

  read(): ShownIntercept[] {
    const intercepts: ShownIntercept[] = [];
    this.readFields(this.reader.len, (number, isNested) => {
      if (number !== 1 || !isNested) return false;
      if (intercepts.length === MAX_INTERCEPTS)
        throw new MessageError(`a snapshot of more than ${MAX_INTERCEPTS} intercepts`);
      intercepts.push(this.readIntercept());
      return true;
    });
    return intercepts;
  }

  private readIntercept(): ShownIntercept {
    let id = '';
    let disposition = 0;
    let message = '';
    let previewDomain = '';
    let ingress: IngressInfo | null = null;
    const headers = new Map<string, string>();
    const metadata = new Map<string, string>();
    this.readFields(this.endOfNested(), (number, isNested) => {
      if (number === 3 && !isNested) disposition = this.reader.int32();
      else if (!isNested) return false;
      else if (number === 4) message = this.readText();
      else if (number === 5) id = this.readText();
      else if (number === 7) previewDomain = this.readText();
      else if (number === 9) ingress = this.readPreviewSpec();
      else if (number === 14 && headers.size < MAX_ENTRIES) this.readEntry(headers);
      else if (number === 15 && metadata.size < MAX_ENTRIES) this.readEntry(metadata);
      else return false;
      return true;
    });
    return { id, disposition, message, previewDomain, ingress, headers, metadata };
  }

  private readPreviewSpec(): IngressInfo | null {
    let ingress: IngressInfo | null = null;
    this.readFields(this.endOfNested(), (number, isNested) => {
      if (number !== 1 || !isNested) return false;
      ingress = this.readIngress();
      return true;
    });
    return ingress;
  }

  private readIngress(): IngressInfo {
    let host = '';
    let port = 0;
    let useTls = false;
    let l5host = '';
    this.readFields(this.endOfNested(), (number, isNested) => {
      if (number === 1 && isNested) host = this.readText();
      else if (number === 2 && !isNested) port = this.reader.int32();
      else if (number === 3 && !isNested) useTls = this.reader.bool();
      else if (number === 4 && isNested) l5host = this.readText();
      else return false;
      return true;
    });
    return { host, port, useTls, l5host };
  }

  private readEntry(into: Map<string, string>): void {
    let key = '';
    let value = '';
    this.readFields(this.endOfNested(), (number, isNested) => {
      if (number === 1 && isNested) key = this.readText();
      else if (number === 2 && isNested) value = this.readText();
      else return false;
      return true;
    });
    into.set(key, value);
  }

  /** Checks the length first: the library would accept a text that is cut short. */
  private readText(): string {
    const begin = this.reader.pos;
    this.endOfNested();
    this.reader.pos = begin;
    return this.reader.string();
  }

  /** Skips each field that `take` does not read. */
  private readFields(end: number, take: (number: number, isNested: boolean) => boolean): void {
    const { reader } = this;
    while (reader.pos < end) {
      if (++this.fieldCount > MAX_FIELDS)
        throw new MessageError(`a snapshot of more than ${MAX_FIELDS} fields`);
      const tag = reader.uint32();
      const wireType = tag & 7;
      const isKnownType = wireType === 0 || wireType === LENGTH_DELIMITED;
      if (!isKnownType || !take(tag >>> 3, wireType === LENGTH_DELIMITED)) reader.skipType(wireType);
    }
    if (reader.pos !== end) throw new MessageError('a field is longer than its message');
  }

  private endOfNested(): number {
    const length = this.reader.uint32();
    const end = this.reader.pos + length;
    if (end > this.reader.len) throw new MessageError('a field is longer than its message');
    return end;
  }
}
