/** HTTP to Culvert: trusted certificates, the proxy of the environment, and explanations of failures. */
import { HttpClient, HttpError, withUsualCertificates } from '@culvert/outbound';
import { ClientError } from '../client-error.js';

const CONNECT_TIMEOUT_MS = 10_000;
const TIMEOUT_MS = 30_000;
/** A page of 200 previews has less than half of it. */
const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;

/** Creates a client that trusts `ca` in addition to the usual certificates and uses HTTPS_PROXY if set. */
export function createHttpClient(ca: string | undefined): HttpClient {
  return new HttpClient({
    ca: withUsualCertificates(ca),
    connectTimeoutMs: CONNECT_TIMEOUT_MS,
    timeoutMs: TIMEOUT_MS,
    maxResponseBytes: MAX_RESPONSE_BYTES,
    // The person chose the URL of their Culvert, which may be in their own network.
    allowPrivateAddresses: true,
  });
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

/** Explains to a person why no usable response came from `url`. */
export function unreachable(url: string, error: unknown): ClientError {
  const cause = rootCause(error);
  const code = (cause as NodeJS.ErrnoException).code ?? '';
  const fail = (message: string, hint: string) =>
    new ClientError('unreachable', message, { hint, cause: error });
  const failed = httpErrorOf(error);
  if (failed?.kind === 'proxy' || failed?.kind === 'too-large')
    return fail(
      `${url} cannot be reached: ${failed.message}`,
      failed.kind === 'proxy' ? 'Check the proxy in HTTPS_PROXY or HTTP_PROXY.' : 'Check the URL.',
    );
  if (failed?.kind === 'timeout' || cause.name === 'TimeoutError' || /TIMEOUT|ETIMEDOUT/.test(code))
    return fail(`${url} does not answer in time`, 'Check the URL, or try again later.');
  if (CERTIFICATE_ERRORS.has(code)) {
    return fail(
      `the certificate of ${url} is not trusted: ${cause.message}`,
      'If your own authority issued it, name its certificate with --ca-file or CULVERT_CA_FILE.',
    );
  }
  switch (code) {
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return fail(
        `the host name of ${url} does not exist`,
        'Check the name, and that this machine is online.',
      );
    case 'ECONNREFUSED':
      return fail(`nothing listens at ${url}`, 'Check the URL, and that Culvert is running.');
    case 'ECONNRESET':
      return fail(
        `${url} closed the connection without a response`,
        url.startsWith('http:')
          ? 'If Culvert uses TLS there, use https:// instead of http://.'
          : 'Check the URL, and that Culvert is running.',
      );
    case 'EPROTO':
    case 'ERR_SSL_WRONG_VERSION_NUMBER':
    case 'ERR_SSL_PACKET_LENGTH_TOO_LONG':
      return fail(`${url} does not speak TLS`, 'Use http:// instead of https://.');
    default:
      return fail(`${url} cannot be reached: ${cause.message || code}`, 'Check the URL, then try again.');
  }
}

/** Finds the client's own error, which libraries such as openid-client wrap. Null for errors of another kind. */
function httpErrorOf(error: unknown): HttpError | null {
  if (error instanceof HttpError) return error;
  return error instanceof Error && error.cause !== undefined ? httpErrorOf(error.cause) : null;
}

/** Finds the innermost cause, which explains most. Of several addresses, the first error is enough. */
function rootCause(error: unknown): Error {
  if (error instanceof AggregateError && error.errors.length > 0) return rootCause(error.errors[0]);
  const { cause } = error as { cause?: unknown };
  return cause instanceof Error ? rootCause(cause) : (error as Error);
}
