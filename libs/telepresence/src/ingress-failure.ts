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

/** Returns the reset code that a HandleConnection ending with `status` means. */
export function resetCodeOf(status: number, message: string): ResetCode {
  if (status === GrpcStatus.DEADLINE_EXCEEDED) return ResetCode.INGRESS_TIMEOUT;
  if (status === GrpcStatus.RESOURCE_EXHAUSTED) return ResetCode.STREAM_LIMIT;
  return BY_TEXT.find(([text]) => text.test(message))?.[1] ?? ResetCode.INTERNAL;
}

/** The reset code that RST_STREAM with `code` means. */
export function resetCodeOfHttp2(code: number): ResetCode {
  return code === ErrorCode.REFUSED_STREAM || code === ErrorCode.ENHANCE_YOUR_CALM
    ? ResetCode.STREAM_LIMIT
    : ResetCode.INTERNAL;
}
