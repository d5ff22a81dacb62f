import type { HandedOffStream, HandedOffStreamHandler } from '@culvert/relay';
import type { GrpcStatus, ReverseCarrier, ReverseCarrierHandler } from '@culvert/telepresence';

const HEAD = { 'content-type': 'application/grpc' };

/** Uses a handed-off HTTP/2 stream as the carrier of a reverse connection. */
export class CallCarrier implements ReverseCarrier, HandedOffStreamHandler {
  private handler: ReverseCarrierHandler | null = null;

  constructor(private readonly stream: HandedOffStream) {}

  start(handler: ReverseCarrierHandler): void {
    this.handler = handler;
    this.stream.handler = this;
    this.stream.respond(HEAD);
    this.stream.resume();
  }

  write(bytes: Buffer): boolean {
    return this.stream.write(bytes);
  }

  pause(): void {
    this.stream.pause();
  }

  resume(): void {
    this.stream.resume();
  }

  end(status: GrpcStatus, message: string): void {
    this.handler = null;
    this.stream.resume();
    this.stream.end(trailersOf(status, message));
  }

  onData(chunk: Buffer): void {
    this.handler?.onData(chunk);
  }

  onEnd(): void {
    this.handler?.onEnd();
  }

  onDrain(): void {
    this.handler?.onDrain();
  }

  onClose(): void {
    this.handler?.onClose('the connection of the traffic manager was lost');
  }
}

/** Ends a gRPC call that was never accepted. */
export function refuseCall(stream: HandedOffStream, status: GrpcStatus, message: string): void {
  stream.end({ ...HEAD, ...trailersOf(status, message) });
}

/** The trailers that end a gRPC call. */
export function trailersOf(status: GrpcStatus, message: string): Record<string, string> {
  return { 'grpc-status': String(status), 'grpc-message': percentEncoded(message) };
}

/** Encodes a message as gRPC does: visible ASCII and space except the percent sign stay. */
function percentEncoded(text: string): string {
  let encoded = '';
  for (const byte of Buffer.from(text.slice(0, 1000))) {
    encoded +=
      byte >= 0x20 && byte <= 0x7e && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return encoded;
}
