import { STATUS_CODES } from 'node:http';
import { RelayError } from './relay-error.js';

/** A whole answer of the access gate's own: a redirect to where people sign in, or what a preflight gets. */
export class GateAnswer extends RelayError {
  /** @param lines header lines, each with its CRLF, of valid field syntax */
  constructor(
    status: number,
    readonly lines: string,
  ) {
    super('access_denied', '', { status });
  }

  /** The response, except the Connection field. Never kept: it belongs to one visitor. */
  toResponse(connection: string): Buffer {
    return Buffer.from(
      `HTTP/1.1 ${this.status} ${STATUS_CODES[this.status] ?? ''}\r\n${this.lines}` +
        (this.status === 204 ? '' : 'Content-Length: 0\r\n') +
        'Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n' +
        `Date: ${new Date().toUTCString()}\r\n${connection}\r\n`,
      'latin1',
    );
  }
}
