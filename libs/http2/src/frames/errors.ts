import { ErrorCode } from './frame.js';

/** The peer broke a rule in a way that ends the connection (RFC 9113 §5.4.1). */
export class Http2Error extends Error {
  constructor(
    /** What GOAWAY will say. */
    readonly code: ErrorCode,
    message: string,
  ) {
    super(message);
    this.name = 'Http2Error';
  }
}

export function protocolError(message: string): Http2Error {
  return new Http2Error(ErrorCode.PROTOCOL_ERROR, message);
}

export function compressionError(message: string): Http2Error {
  return new Http2Error(ErrorCode.COMPRESSION_ERROR, message);
}
