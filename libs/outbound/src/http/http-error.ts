/** Why a request got no usable response. */
export const HTTP_ERROR_KINDS = [
  /** The URL or a header cannot be used. */
  'request',
  /** The address is private, and this client must not connect to private addresses. */
  'forbidden-address',
  /** The name does not resolve. */
  'name',
  /** No TCP connection. */
  'connect',
  /** The TLS handshake failed: the certificate is not trusted, or the server does not speak TLS. */
  'tls',
  /** The proxy refused to connect, or its address is not valid. */
  'proxy',
  /** A time limit has passed. */
  'timeout',
  /** The response is longer than the limit. */
  'too-large',
  /** A redirect that must not be followed. */
  'redirect',
  /** The connection ended before the response did, or the server broke the protocol. */
  'broken',
] as const;

export type HttpErrorKind = (typeof HTTP_ERROR_KINDS)[number];

/** The message names the origin, never the path, a header or the body: those may hold secrets. */
export class HttpError extends Error {
  override readonly name = 'HttpError';

  constructor(
    readonly kind: HttpErrorKind,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Returns the message of another library's error, for people. After attempts at several addresses, that of the first one. */
export function reasonOf(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return reasonOf(error.errors[0]);
  // OpenSSL's messages name its source files; its reasons do not.
  const { message, code, reason } = error as NodeJS.ErrnoException & { reason?: string };
  return reason || message || code || String(error);
}
