/** What heads say about messages in the bodies that follow them. */
import type { Fields } from '@culvert/http1';

/** Fields of a head that decide how a body is read; '' for an absent field. */
export interface BodyHead {
  readonly contentType: string;
  readonly contentEncoding: string;
  readonly grpcEncoding: string;
}

export function bodyHeadOf(head: Fields): BodyHead {
  return {
    contentType: head.valueNamed('content-type') ?? '',
    contentEncoding: head.valueNamed('content-encoding') ?? '',
    grpcEncoding: head.valueNamed('grpc-encoding') ?? '',
  };
}

/** Returns the fields that tell how a gRPC call ended, one in each line. */
export function trailerLines(fields: Fields): string {
  let lines = '';
  for (let i = 0; i < fields.count; i++) {
    const name = fields.name(i).toLowerCase();
    if (name.startsWith('grpc-')) lines += `${name}: ${fields.value(i)}\n`;
  }
  return lines;
}

/** Returns the extensions that a WebSocket has agreed on; several lines count as one (RFC 9110 §5.3). */
export function extensionsOf(response: Fields): string {
  const values: string[] = [];
  for (let i = 0; i < response.count; i++)
    if (response.isNamed(i, 'sec-websocket-extensions')) values.push(response.value(i));
  return values.join(', ');
}
