/**
 * Protocol Buffers as text, without their schema: numbers of fields, and values as far as they show what they are. Bytes
 * that are text are shown as text, and bytes that are a message as a message.
 */
import { utf8Text } from './utf8-text.js';

const MAX_DEPTH = 8;
const MAX_LINES = 500;
/** Fields that are read in all depths together, also those of bytes that turn out not to be a message. */
const MAX_FIELDS = 2000;
const MAX_HEX_BYTES = 64;

const WireType = { VARINT: 0, FIXED64: 1, LENGTH: 2, FIXED32: 5 } as const;

/** Characters that texts hardly contain, and messages do. */
// oxlint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/;

interface Position {
  at: number;
}

/**
 * Returns the fields of a message, one in each line, such as `1: "Ann"`; null if the bytes are not a message.
 * @param isTruncated whether `bytes` are only the beginning: then what is cut off at the end is left out
 */
export function protobufText(bytes: Buffer, { isTruncated = false } = {}): string | null {
  const lines: string[] = [];
  const work: Work = { fieldsLeft: MAX_FIELDS };
  if (!addFields(bytes, { lines, indent: '', depth: 0, isTruncated, work })) return null;
  const isCut = lines.length > MAX_LINES || work.fieldsLeft === 0;
  return isCut ? [...lines.slice(0, MAX_LINES), '…'].join('\n') : lines.join('\n');
}

/** Work that is left for one message. */
interface Work {
  fieldsLeft: number;
}

interface Output {
  readonly lines: string[];
  readonly indent: string;
  readonly depth: number;
  readonly isTruncated: boolean;
  readonly work: Work;
}

/** Adds the lines of all fields, as far as there is work left. Returns whether the bytes are a message. */
function addFields(bytes: Buffer, output: Output): boolean {
  const position: Position = { at: 0 };
  const { work } = output;
  while (position.at < bytes.length && output.lines.length <= MAX_LINES && work.fieldsLeft > 0) {
    work.fieldsLeft--;
    const outcome = addField(bytes, position, output);
    if (outcome !== 'whole') return outcome === 'cut' && output.isTruncated;
  }
  return true;
}

function addField(bytes: Buffer, position: Position, output: Output): 'whole' | 'cut' | 'invalid' {
  const { lines, indent } = output;
  const tag = readVarint(bytes, position);
  if (tag === null) return position.at >= bytes.length ? 'cut' : 'invalid';
  const field = tag >> 3n;
  if (field === 0n || field > 0x1fff_ffffn) return 'invalid';
  const name = `${indent}${field}:`;
  const { at } = position;
  switch (Number(tag & 7n)) {
    case WireType.VARINT: {
      const value = readVarint(bytes, position);
      if (value === null) return position.at >= bytes.length ? 'cut' : 'invalid';
      lines.push(`${name} ${value}`);
      return 'whole';
    }
    case WireType.FIXED64:
      if (at + 8 > bytes.length) return 'cut';
      lines.push(`${name} 0x${bytes.readBigUInt64LE(at).toString(16)} (${bytes.readDoubleLE(at)})`);
      position.at = at + 8;
      return 'whole';
    case WireType.FIXED32:
      if (at + 4 > bytes.length) return 'cut';
      lines.push(`${name} 0x${bytes.readUInt32LE(at).toString(16)} (${bytes.readFloatLE(at)})`);
      position.at = at + 4;
      return 'whole';
    case WireType.LENGTH: {
      const length = readVarint(bytes, position);
      if (length === null || BigInt(position.at) + length > BigInt(bytes.length)) return 'cut';
      const value = bytes.subarray(position.at, position.at + Number(length));
      position.at += value.length;
      addBytes(name, value, output);
      return 'whole';
    }
    default:
      return 'invalid';
  }
}

/** Adds a field of bytes: as text, else as a message, else in hexadecimal digits. */
function addBytes(name: string, value: Buffer, { lines, indent, depth, work }: Output): void {
  const text = utf8Text(value);
  if (text !== null && !CONTROL.test(text)) {
    lines.push(`${name} ${JSON.stringify(text)}`);
    return;
  }
  const inner: string[] = [];
  if (
    depth < MAX_DEPTH &&
    addFields(value, { lines: inner, indent: `${indent}  `, depth: depth + 1, isTruncated: false, work })
  ) {
    lines.push(`${name} {`, ...inner.slice(0, MAX_LINES), `${indent}}`);
    return;
  }
  const hex = value.toString('hex', 0, MAX_HEX_BYTES);
  lines.push(`${name} ${hex}${value.length > MAX_HEX_BYTES ? `… (${value.length} bytes)` : ''}`);
}

/** Returns null if the number is cut off, or longer than 64 bits. */
function readVarint(bytes: Buffer, position: Position): bigint | null {
  let value = 0n;
  for (let shift = 0n; shift < 70n; shift += 7n) {
    if (position.at >= bytes.length) return null;
    const byte = bytes[position.at++];
    value |= BigInt(byte & 0x7f) << shift;
    if (byte < 0x80) return BigInt.asUintN(64, value);
  }
  return null;
}
