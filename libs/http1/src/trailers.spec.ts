import { describe, expect, it } from 'vitest';
import { parseFields } from './fields.js';
import { isForbiddenTrailer } from './trailers.js';

function isForbidden(name: string): boolean {
  const bytes = Buffer.from(`${name}: x\r\n\r\n`);
  return isForbiddenTrailer(parseFields(bytes, 0, bytes.length, 1), 0);
}

describe('isForbiddenTrailer', () => {
  it.each([
    'Content-Length',
    'Transfer-Encoding',
    'Host',
    'Connection',
    'Trailer',
    'Authorization',
    'Set-Cookie',
    'Cookie',
    'Content-Type',
    'Content-Encoding',
    'Content-Range',
    'Cache-Control',
    'Expect',
    'Location',
    'Proxy-Status',
    'X-Forwarded-For',
    'X_Forwarded_For',
    'X-Telepresence-Intercept-Id',
    'X-Culvert-Error',
  ])('forbids %s', (name) => {
    expect(isForbidden(name)).toBe(true);
  });

  it.each(['X-Checksum', 'Grpc-Status', 'Grpc-Message', 'Server-Timing', 'ETag', 'Digest'])(
    'lets %s through',
    (name) => {
      expect(isForbidden(name)).toBe(false);
    },
  );
});
