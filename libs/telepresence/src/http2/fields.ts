/** The fields of gRPC's requests and responses, to and from HPACK. */
import { type HeaderField, HpackDecoder, HpackEncoder } from '@culvert/http2';

/** The manager's encoder keeps no table, so that none of its responses depends on another one. */
export const HEADER_TABLE_BYTES = 0;

export const MAX_HEADER_LIST_BYTES = 65_536;

/** No more fit: each counts 32 bytes beside its text. */
const MAX_FIELDS = MAX_HEADER_LIST_BYTES / 32;

const MAX_MESSAGE_CHARACTERS = 500;

/** What a response or its trailers say; the rest is skipped. */
export interface ResponseFields {
  /** `:status`, or 0 in trailers. */
  status: number;
  /** `grpc-status`, or -1 without one. */
  grpcStatus: number;
  /** `grpc-message`, decoded, for people. */
  grpcMessage: string;
}

/** Returns a decoder of a manager's responses. */
export function responseDecoder(): HpackDecoder {
  return new HpackDecoder({
    maxListBytes: MAX_HEADER_LIST_BYTES,
    maxFields: MAX_FIELDS,
    maxTableBytes: HEADER_TABLE_BYTES,
  });
}

/** Returns an encoder of requests: they are few, and literals spare a table. */
export function requestEncoder(): HpackEncoder {
  return new HpackEncoder(0);
}

export function readResponseFields(list: readonly HeaderField[]): ResponseFields {
  const fields: ResponseFields = { status: 0, grpcStatus: -1, grpcMessage: '' };
  for (const { name, value } of list) {
    if (name === ':status') fields.status = Number(value) || 0;
    else if (name === 'grpc-status') fields.grpcStatus = statusCode(value);
    else if (name === 'grpc-message') fields.grpcMessage = decodeMessage(value);
  }
  return fields;
}

/** Returns the header block of a gRPC request, which is valid until the next one is encoded. */
export function encodeRequestFields(encoder: HpackEncoder, path: string): Buffer {
  encoder.begin();
  encoder.add(':method', 'POST');
  encoder.add(':scheme', 'http');
  encoder.add(':path', path);
  encoder.add(':authority', 'manager');
  encoder.add('content-type', 'application/grpc');
  encoder.add('te', 'trailers');
  encoder.add('user-agent', 'culvert');
  return encoder.bytes.subarray(0, encoder.length);
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
