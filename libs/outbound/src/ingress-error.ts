/** Maps Node's errors of a connection to the reset codes that the far end of the tunnel receives. */
import { ResetCode } from '@culvert/tunnel';

/** How far the connection to the ingress had come. */
export type IngressPhase = 'connecting' | 'handshaking' | 'connected';

export interface IngressFailure {
  readonly code: ResetCode;
  /** For people: names the ingress and the reason. */
  readonly detail: string;
}

const BY_SYSTEM_CODE: Readonly<Record<string, ResetCode>> = {
  ECONNREFUSED: ResetCode.INGRESS_REFUSED,
  EHOSTUNREACH: ResetCode.INGRESS_UNREACHABLE,
  ENETUNREACH: ResetCode.INGRESS_UNREACHABLE,
  EHOSTDOWN: ResetCode.INGRESS_UNREACHABLE,
  ENETDOWN: ResetCode.INGRESS_UNREACHABLE,
  EADDRNOTAVAIL: ResetCode.INGRESS_UNREACHABLE,
  EACCES: ResetCode.INGRESS_UNREACHABLE,
  EPERM: ResetCode.INGRESS_UNREACHABLE,
  EINVAL: ResetCode.INGRESS_UNREACHABLE,
  ENOTFOUND: ResetCode.INGRESS_DNS,
  ENODATA: ResetCode.INGRESS_DNS,
  EAI_AGAIN: ResetCode.INGRESS_DNS,
  EAI_FAIL: ResetCode.INGRESS_DNS,
  EAI_NODATA: ResetCode.INGRESS_DNS,
  EAI_NONAME: ResetCode.INGRESS_DNS,
  ETIMEDOUT: ResetCode.INGRESS_TIMEOUT,
  ECONNRESET: ResetCode.INGRESS_RESET,
  EPIPE: ResetCode.INGRESS_RESET,
};

/** System codes of faults of this process, not of the ingress. */
const OWN_FAULTS: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOBUFS', 'ENOMEM']);

/** The target's addresses are outside the allow list. */
export const FORBIDDEN_ADDRESS = 'CULVERT_FORBIDDEN_ADDRESS';

export function describeFailure(error: Error, phase: IngressPhase): IngressFailure {
  const cause = firstCause(error);
  const detail = causes(error)
    .map(({ message }) => message)
    .join('; ');
  const systemCode = (cause as NodeJS.ErrnoException).code ?? '';
  if (systemCode === FORBIDDEN_ADDRESS) return { code: ResetCode.FORBIDDEN, detail };
  if (OWN_FAULTS.has(systemCode)) return { code: ResetCode.INTERNAL, detail };
  if (phase === 'handshaking' && systemCode !== 'ETIMEDOUT')
    return { code: ResetCode.INGRESS_TLS, detail: describeTlsError(cause) };
  if (phase === 'connected') return { code: ResetCode.INGRESS_RESET, detail };
  return { code: BY_SYSTEM_CODE[systemCode] ?? ResetCode.INTERNAL, detail };
}

/** What OpenSSL reports when the first bytes of a server are not those of TLS. */
const NOT_TLS =
  /wrong version number|packet length too long|http request|unknown protocol|record layer failure/i;

/** Returns the reason of a failed handshake, without the codes and file names of OpenSSL. */
function describeTlsError({ message }: Error): string {
  if (NOT_TLS.test(message)) return 'it does not speak TLS';
  // `write EPROTO 80BB…:error:0A000410:SSL routines:ssl3_read_bytes:…handshake failure:../deps/openssl/…:1605:SSL alert number 40`
  return /:SSL routines:[^:]*:([^:]+):/.exec(message)?.[1] ?? message;
}

/** Several addresses were tried: the first one's failure speaks for all. */
function firstCause(error: Error): Error {
  return causes(error)[0] ?? error;
}

function causes(error: Error): Error[] {
  return error instanceof AggregateError && error.errors.length > 0 ? (error.errors as Error[]) : [error];
}
