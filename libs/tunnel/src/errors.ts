import { GoAwayCode } from './frame.js';

/** Ends the whole tunnel. Carries the code for GOAWAY. */
export class TunnelError extends Error {
  override readonly name: string = 'TunnelError';
  constructor(
    readonly code: GoAwayCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The peer broke a rule of docs/protocol.md. */
export class ProtocolError extends TunnelError {
  override readonly name = 'ProtocolError';
  constructor(message: string) {
    super(GoAwayCode.PROTOCOL_ERROR, message);
  }
}
