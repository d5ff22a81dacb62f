/** Why edges have no link: closed sets for metrics, and for the program that writes the log. */
import type { LinkCredentials } from './link-credentials.js';

/** Why a link to another edge could not be opened, or broke. */
export const LINK_FAILURE_CAUSES = [
  /** The other edge knows none of this edge's secrets. */
  'secrets_differ',
  /** One end does not accept the certificate of the other. */
  'certificate',
  /** Another program answers at the address. */
  'not_an_edge',
  /** The edge that answers is not the one that has this address in the directory. */
  'other_edge',
  /** No connection: refused, no route, or the name does not resolve. */
  'unreachable',
  /** No answer in time. */
  'timeout',
  /** The other edge ended the connection during the handshake of the tunnel protocol. */
  'refused',
  /** A link that was open broke. */
  'lost',
] as const;
export type LinkFailureCause = (typeof LINK_FAILURE_CAUSES)[number];

/** Why a connection of another edge, or of another program, was refused. */
export const REFUSAL_CAUSES = [
  /** It named a secret that this edge does not accept. */
  'secrets_differ',
  /** It did not prove itself: no edge, or one without a valid certificate. */
  'no_proof',
  /** Too many connections had not proven themselves yet. */
  'too_many',
  /** It did not become a link in time. */
  'too_slow',
  /** It ended, or was ended, during the handshake of the tunnel protocol. */
  'handshake',
  /** The system could not accept it. */
  'cannot_accept',
] as const;
export type RefusalCause = (typeof REFUSAL_CAUSES)[number];

/** A link could not be opened. The message contains no secret, and nothing that the other end sent before its proof. */
export class LinkError extends Error {
  override readonly name = 'LinkError';

  constructor(
    readonly failure: LinkFailureCause,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Translates an error of connecting by TCP and TLS, where this edge proves itself with this kind of credentials. */
export function connectError(error: unknown, kind: LinkCredentials['kind']): LinkError {
  if (error instanceof LinkError) return error;
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_UNSUPPORTED_PROTOCOL')
    return new LinkError('not_an_edge', `another program answered (${code})`, { cause: error });
  if (!isTlsCode(code)) return new LinkError('unreachable', code === '' ? message : code, { cause: error });
  if (kind === 'certificates') return new LinkError('certificate', code, { cause: error });
  // With secrets, an end that knows none of them can send nothing but an alert, or a certificate.
  return code.includes('ALERT')
    ? new LinkError('secrets_differ', code, { cause: error })
    : new LinkError('not_an_edge', `it presented a certificate instead of the secret (${code})`, {
        cause: error,
      });
}

function isTlsCode(code: string): boolean {
  return /^(ERR_(SSL|TLS|OSSL)_|CERT_|UNABLE_TO_|DEPTH_|SELF_SIGNED|HOSTNAME_)/.test(code);
}
