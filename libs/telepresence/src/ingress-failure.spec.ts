import { ErrorCode } from '@culvert/http2';
import { ResetCode } from '@culvert/tunnel';
import { describe, expect, it } from 'vitest';
import { GrpcStatus } from './grpc-status.js';
import { resetCodeOf, resetCodeOfHttp2 } from './ingress-failure.js';

// STREAM_LIMIT has a request sent again whatever its method, and gRPC reports these when bytes have arrived already.
describe('STREAM_LIMIT', () => {
  it.each([
    ['grpc: received message larger than max (5 vs. 4)', ResetCode.INTERNAL],
    ['read tcp 10.0.0.1:80: connection reset by peer', ResetCode.INGRESS_RESET],
  ])('is not what RESOURCE_EXHAUSTED means: %s', (message, code) => {
    expect(resetCodeOf(GrpcStatus.RESOURCE_EXHAUSTED, message)).toBe(code);
  });

  it('is what RST_STREAM means only with REFUSED_STREAM', () => {
    const refusals = Object.values(ErrorCode).filter(
      (code) => resetCodeOfHttp2(code) === ResetCode.STREAM_LIMIT,
    );
    expect(refusals).toEqual([ErrorCode.REFUSED_STREAM]);
  });
});
