import { STATUS_CODES } from 'node:http';

/** A response of Culvert itself that is not an error: a redirect, or the response to a preflight. It has no body. */
export class OwnAnswer {
  /** @param lines header lines, each with its CRLF, of valid field syntax */
  constructor(
    readonly status: number,
    readonly lines: string,
  ) {}

  /** Returns the response. It is never cached: it belongs to one visitor. @param connection the Connection field, or '' */
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
