/**
 * Header blocks (RFC 7541). We announce a dynamic table of 0 bytes before the first request, so no response uses one, and
 * write requests as literals, so we need none either.
 */
import { compressionError, decodeHuffman } from './huffman.js';

/** What a response or its trailers say; the rest is skipped. */
export interface ResponseFields {
  /** `:status`, or 0 in trailers. */
  status: number;
  /** `grpc-status`, or -1 without one. */
  grpcStatus: number;
  /** `grpc-message`, decoded, for people. */
  grpcMessage: string;
}

const MAX_MESSAGE_CHARACTERS = 500;
const LAST_STATIC_INDEX = 61;

/** `:status` in the static table (RFC 7541 appendix A). */
const STATUS_NAME_INDEX = 8;
const STATUSES = [200, 204, 206, 304, 400, 404, 500];

class BlockReader {
  private at = 0;

  constructor(private readonly block: Buffer) {}

  get isAtEnd(): boolean {
    return this.at >= this.block.length;
  }

  peek(): number {
    return this.block[this.at];
  }

  /** RFC 7541 §5.1. */
  integer(prefixBits: number): number {
    const max = 2 ** prefixBits - 1;
    let value = this.octet() & max;
    if (value < max) return value;
    for (let scale = 1; ; scale *= 128) {
      if (scale > 2 ** 21) throw compressionError('a number is too large');
      const octet = this.octet();
      value += (octet & 0x7f) * scale;
      if (octet < 0x80) return value;
    }
  }

  /** RFC 7541 §5.2. */
  string(): Buffer {
    if (this.isAtEnd) throw compressionError('a header block ends within a field');
    const isHuffman = this.peek() >= 0x80;
    const length = this.integer(7);
    const end = this.at + length;
    if (end > this.block.length) throw compressionError('a header block ends within a string');
    const bytes = this.block.subarray(this.at, end);
    this.at = end;
    return isHuffman ? decodeHuffman(bytes) : bytes;
  }

  private octet(): number {
    if (this.isAtEnd) throw compressionError('a header block ends within a number');
    return this.block[this.at++];
  }
}

/** Throws Http2Error. */
export function decodeResponseFields(block: Buffer): ResponseFields {
  const reader = new BlockReader(block);
  const fields: ResponseFields = { status: 0, grpcStatus: -1, grpcMessage: '' };
  while (!reader.isAtEnd) {
    const first = reader.peek();
    if (first >= 0x80) {
      const index = checkedIndex(reader.integer(7));
      if (index === 0) throw compressionError('an index of 0');
      const status = STATUSES[index - STATUS_NAME_INDEX];
      if (status !== undefined) fields.status = status;
    } else if (first >= 0x40 || first < 0x20) {
      const index = checkedIndex(reader.integer(first >= 0x40 ? 6 : 4));
      const name = index === 0 ? reader.string().toString('latin1') : nameOf(index);
      setField(fields, name, reader.string());
    } else if (reader.integer(5) > 0) {
      throw compressionError('a dynamic table was not offered');
    }
  }
  return fields;
}

function checkedIndex(index: number): number {
  if (index > LAST_STATIC_INDEX) throw compressionError('an index outside the static table');
  return index;
}

/** Of static names only `:status` matters. */
function nameOf(index: number): string {
  const isStatus = index >= STATUS_NAME_INDEX && index < STATUS_NAME_INDEX + STATUSES.length;
  return isStatus ? ':status' : '';
}

function setField(fields: ResponseFields, name: string, value: Buffer): void {
  if (name === ':status') fields.status = Number(value.toString('latin1')) || 0;
  else if (name === 'grpc-status') fields.grpcStatus = statusCode(value.toString('latin1'));
  else if (name === 'grpc-message') fields.grpcMessage = decodeMessage(value.toString('latin1'));
}

function statusCode(text: string): number {
  return /^\d{1,3}$/.test(text) ? Number(text) : -1;
}

/** gRPC's percent-encoding of UTF-8; what is malformed stays as it is. Nothing in it can break a line of a log. */
export function decodeMessage(text: string): string {
  const bytes = text.replace(/%([0-9a-f]{2})/gi, (_match, hex: string) =>
    String.fromCharCode(parseInt(hex, 16)),
  );
  const decoded = Buffer.from(bytes, 'latin1').toString('utf8');
  return decoded
    .slice(0, MAX_MESSAGE_CHARACTERS)
    .replace(/\p{Cc}+/gu, ' ')
    .trim();
}

/** The header block of a gRPC request. `path` has at most 126 characters of ASCII. */
export function encodeRequestFields(path: string): Buffer {
  return Buffer.concat([
    // :method POST, :scheme http (static), then literals without indexing.
    Buffer.from([0x83, 0x86]),
    Buffer.from([0x04]),
    plainString(path),
    Buffer.from([0x01]),
    plainString('manager'),
    literal('content-type', 'application/grpc'),
    literal('te', 'trailers'),
    literal('user-agent', 'culvert'),
  ]);
}

function literal(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x00]), plainString(name), plainString(value)]);
}

function plainString(text: string): Buffer {
  if (text.length > 126) throw new RangeError(`"${text}" is too long`);
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text, 'latin1')]);
}
