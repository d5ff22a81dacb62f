/** Finds out why a manager's connection to an ingress failed, from Go's text of the error. */
import { ErrorCode } from '@culvert/http2';
import { ResetCode } from '@culvert/tunnel';
import { GrpcStatus } from './grpc-status.js';

/** In this order: a failed lookup may have timed out, and a TLS error may name a connection. */
const BY_TEXT: readonly (readonly [text: RegExp, code: ResetCode])[] = [
  [/no such host|server misbehaving|\blookup \S+/i, ResetCode.INGRESS_DNS],
  [/\btls: |x509: |certificate|handshake/i, ResetCode.INGRESS_TLS],
  [/connection refused/i, ResetCode.INGRESS_REFUSED],
  [/i\/o timeout|deadline exceeded|timed out/i, ResetCode.INGRESS_TIMEOUT],
  [
    /no route to host|network is unreachable|host is down|cannot assign requested address/i,
    ResetCode.INGRESS_UNREACHABLE,
  ],
  [/connection reset|broken pipe|\bEOF\b|use of closed/i, ResetCode.INGRESS_RESET],
  [/intercept|ingress/i, ResetCode.INGRESS_UNREACHABLE],
];

/**
 * Returns the reset code that a HandleConnection ending with `status` means. It is never a refusal: gRPC ends calls with
 * RESOURCE_EXHAUSTED also after the ingress got their bytes.
 */
export function resetCodeOf(status: number, message: string): ResetCode {
  if (status === GrpcStatus.DEADLINE_EXCEEDED) return ResetCode.INGRESS_TIMEOUT;
  return BY_TEXT.find(([text]) => text.test(message))?.[1] ?? ResetCode.INTERNAL;
}

/** Returns the reset code that RST_STREAM with `code` means. Only REFUSED_STREAM proves that nothing was processed (RFC 9113 §8.7). */
export function resetCodeOfHttp2(code: number): ResetCode {
  return code === ErrorCode.REFUSED_STREAM ? ResetCode.STREAM_LIMIT : ResetCode.INTERNAL;
}
