/** The fields of gRPC's requests and responses, to and from HPACK. */
import type { HeaderField, HpackEncoder } from '@culvert/http2';

const MAX_MESSAGE_CHARACTERS = 500;

/** The fields of a response or its trailers that are read; others are skipped. */
export interface ResponseFields {
  /** `:status`, or 0 in trailers. */
  status: number;
  /** `grpc-status`, or -1 without one. */
  grpcStatus: number;
  /** `grpc-message`, decoded, for people. */
  grpcMessage: string;
}

/** Reads the fields of a response, or of its trailers. */
export function readResponseFields(list: readonly HeaderField[]): ResponseFields {
  const fields: ResponseFields = { status: 0, grpcStatus: -1, grpcMessage: '' };
  for (const { name, value } of list) {
    if (name === ':status') fields.status = Number(value) || 0;
    else if (name === 'grpc-status') fields.grpcStatus = statusCode(value);
    else if (name === 'grpc-message') fields.grpcMessage = decodeMessage(value);
  }
  return fields;
}

/** Writes the fields of a gRPC request to a block that was begun. */
export function addRequestFields(encoder: HpackEncoder, path: string): void {
  encoder.add(':method', 'POST');
  encoder.add(':scheme', 'http');
  encoder.add(':path', path);
  encoder.add(':authority', 'manager');
  encoder.add('content-type', 'application/grpc');
  encoder.add('te', 'trailers');
  encoder.add('user-agent', 'culvert');
}

function statusCode(text: string): number {
  return /^\d{1,3}$/.test(text) ? Number(text) : -1;
}

/** gRPC's percent-encoding of UTF-8; malformed parts stay as they are. Nothing in it can break a line of a log. */
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
