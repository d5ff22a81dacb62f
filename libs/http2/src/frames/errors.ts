import { ErrorCode } from './frame.js';

/** The peer broke a rule in a way that ends the connection (RFC 9113 §5.4.1). */
export class Http2Error extends Error {
  constructor(
    /** The code for GOAWAY. */
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

/** Throws the error for a frame that is not allowed in the current state. */
export function violation(message: string): never {
  throw protocolError(message);
}

/** Throws the error of a frame whose length does not fit its type. */
export function wrongSize(frame: string): never {
  throw new Http2Error(ErrorCode.FRAME_SIZE_ERROR, `${frame} of a wrong size`);
}

/** Throws the error of a window that was opened too far (§6.9.1). */
export function windowOverflow(): never {
  throw new Http2Error(ErrorCode.FLOW_CONTROL_ERROR, 'a window above 2^31 - 1');
}

/** Returns the error of a peer that sends too many frames of a kind. */
export function calm(message: string): Http2Error {
  return new Http2Error(ErrorCode.ENHANCE_YOUR_CALM, message);
}
