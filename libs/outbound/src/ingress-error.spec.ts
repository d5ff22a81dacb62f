import { ResetCode } from '@culvert/tunnel';
import { describe, expect, it } from 'vitest';
import { describeFailure, FORBIDDEN_ADDRESS } from './ingress-error.js';
import type { IngressPhase } from './ingress-error.js';

function failure(code: string, message = `connect ${code}`): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code });
}

describe('describeFailure', () => {
  it.each<[string, IngressPhase, ResetCode]>([
    ['ECONNREFUSED', 'connecting', ResetCode.INGRESS_REFUSED],
    ['EHOSTUNREACH', 'connecting', ResetCode.INGRESS_UNREACHABLE],
    ['ENETUNREACH', 'connecting', ResetCode.INGRESS_UNREACHABLE],
    ['ENOTFOUND', 'connecting', ResetCode.INGRESS_DNS],
    ['EAI_AGAIN', 'connecting', ResetCode.INGRESS_DNS],
    ['ETIMEDOUT', 'connecting', ResetCode.INGRESS_TIMEOUT],
    ['ECONNRESET', 'connecting', ResetCode.INGRESS_RESET],
    ['EMFILE', 'connecting', ResetCode.INTERNAL],
    ['ESOMETHING', 'connecting', ResetCode.INTERNAL],
    [FORBIDDEN_ADDRESS, 'connecting', ResetCode.FORBIDDEN],
    ['ECONNRESET', 'handshaking', ResetCode.INGRESS_TLS],
    ['CERT_HAS_EXPIRED', 'handshaking', ResetCode.INGRESS_TLS],
    ['ETIMEDOUT', 'handshaking', ResetCode.INGRESS_TIMEOUT],
    ['ECONNRESET', 'connected', ResetCode.INGRESS_RESET],
    ['EPIPE', 'connected', ResetCode.INGRESS_RESET],
    ['ETIMEDOUT', 'connected', ResetCode.INGRESS_RESET],
    ['ERR_SSL_BAD_RECORD', 'connected', ResetCode.INGRESS_RESET],
  ])('maps %s while %s', (code, phase, expected) => {
    expect(describeFailure(failure(code), phase)).toEqual({ code: expected, detail: `connect ${code}` });
  });

  it.each([
    [
      'write EPROTO 80CB0AF4:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/openssl/ssl/record/ssl3_record.c:355:',
      'it does not speak TLS',
    ],
    [
      'write EPROTO 80CB0AF4:error:0A000410:SSL routines:ssl3_read_bytes:ssl/tls alert handshake failure:../deps/openssl/ssl/record/rec_layer_s3.c:1605:SSL alert number 40',
      'ssl/tls alert handshake failure',
    ],
    ['certificate has expired', 'certificate has expired'],
  ])('reduces an error of OpenSSL to its reason: %s', (message, detail) => {
    expect(describeFailure(failure('EPROTO', message), 'handshaking').detail).toBe(detail);
  });

  it('names every address that was tried', () => {
    const error = new AggregateError([
      failure('ECONNREFUSED', 'connect ECONNREFUSED ::1:80'),
      failure('ECONNREFUSED', 'connect ECONNREFUSED 127.0.0.1:80'),
    ]);
    expect(describeFailure(error, 'connecting')).toEqual({
      code: ResetCode.INGRESS_REFUSED,
      detail: 'connect ECONNREFUSED ::1:80; connect ECONNREFUSED 127.0.0.1:80',
    });
  });
});
