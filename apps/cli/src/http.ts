/** HTTP to Culvert: its certificates, the proxy of the environment, and why nothing came back. */
import { rootCertificates } from 'node:tls';
import { HttpClient, HttpError } from '@culvert/outbound';
import { CliError } from './cli-error.js';
import { EXIT } from './exit-code.js';

const CONNECT_TIMEOUT_MS = 10_000;
const TIMEOUT_MS = 30_000;
/** A page of 200 previews has less than half of it. */
const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;

/** A client that trusts `ca` beside the usual certificates, and goes through HTTPS_PROXY where one is set. */
export function createHttpClient(ca: string | undefined): HttpClient {
  return new HttpClient({
    ca: trusted(ca),
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    timeoutMs: TIMEOUT_MS,
    maxResponseBytes: MAX_RESPONSE_BYTES,
    // The person named the address of their Culvert, which may be in their own network.
    allowPrivateAddresses: true,
  });
}

/** The certificates to trust instead of the usual ones: those, and `ca`. Undefined without `ca`: the usual ones. */
export function trusted(ca: string | undefined): string[] | undefined {
  return ca === undefined ? undefined : [...rootCertificates, ca];
}

const CERTIFICATE_ERRORS = new Set([
  'CERT_HAS_EXPIRED',
  'CERT_NOT_YET_VALID',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** What to tell a person when no usable response came back from `url`. */
export function unreachable(url: string, error: unknown): CliError {
  const cause = rootCause(error);
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  const fail = (message: string, hint: string) =>
    new CliError(EXIT.unreachable, message, { hint, cause: error });
  const kind = error instanceof HttpError ? error.kind : null;
  if (kind === 'timeout' || cause.name === 'TimeoutError' || /TIMEOUT|ETIMEDOUT/.test(code))
    return fail(`${url} does not answer in time`, 'Look whether the address is right, or try again later.');
  if (kind === 'too-large' || kind === 'proxy')
    return fail(
      `${url} cannot be reached: ${(error as Error).message}`,
      kind === 'proxy'
        ? 'Look whether the proxy of HTTPS_PROXY or HTTP_PROXY is right.'
        : 'Look whether the address is right.',
    );
  if (CERTIFICATE_ERRORS.has(code)) {
    return fail(
      `the certificate of ${url} is not trusted: ${cause.message}`,
      'If it is of your own authority, name its certificate with --ca-file or CULVERT_CA_FILE.',
    );
  }
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return fail(
        `${url} is not found`,
        'Look whether its name is right, and whether this machine is online.',
      );
    case 'ECONNREFUSED':
      return fail(`nothing listens at ${url}`, 'Look whether the address is right and Culvert is running.');
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return fail(`${url} does not speak TLS`, 'Try the address with http://.');
    default:
      return fail(
        `${url} cannot be reached: ${cause.message || code}`,
        'Look whether the address is right, then try again.',
      );
  }
}

/** What is below an error says most. Of several addresses the first says enough. */
function rootCause(error: unknown): Error {
  if (error instanceof AggregateError && error.errors.length > 0) return rootCause(error.errors[0]);
  const { cause } = error as { cause?: unknown };
  return cause instanceof Error ? rootCause(cause) : (error as Error);
}
