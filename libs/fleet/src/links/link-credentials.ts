/**
 * How edges prove themselves to each other on links: TLS 1.3, either with a secret that they share or with certificates.
 * Both ends prove that they belong to the deployment before a byte of the tunnel protocol is read.
 */
import { hkdfSync } from 'node:crypto';
import type { ConnectionOptions, TlsOptions } from 'node:tls';

/** What an edge proves itself with. */
export type LinkCredentials =
  | {
      readonly kind: 'secrets';
      /** The first is used to dial, and all are accepted, so that a secret can be replaced. At least one. */
      readonly secrets: readonly string[];
    }
  | {
      readonly kind: 'certificates';
      /** PEM of this edge's certificate and its key. */
      readonly cert: string;
      readonly key: string;
      /** PEM of the authorities that sign certificates of edges, and of nothing else. */
      readonly ca: string;
    };

/** Options of TLS for both ends of a link. */
export interface LinkTls {
  readonly server: TlsOptions;
  readonly client: ConnectionOptions;
}

/** What an edge proves itself with now. It can be replaced while links are open, which stay open. */
export class LinkProof {
  private tls: LinkTls;
  private credentials: LinkCredentials;
  readonly kind: LinkCredentials['kind'];

  constructor(credentials: LinkCredentials) {
    this.kind = credentials.kind;
    this.tls = linkTls(credentials);
    this.credentials = credentials;
  }

  /** PEM of this edge's certificate; null: it proves itself with a secret. */
  get cert(): string | null {
    return this.credentials.kind === 'certificates' ? this.credentials.cert : null;
  }

  /** Options for dialing. */
  get client(): ConnectionOptions {
    return this.tls.client;
  }

  /** Options for accepting. */
  get server(): TlsOptions {
    return this.tls.server;
  }

  /** Connections that begin from now on use these. @throws RangeError if they are of the other kind */
  replace(credentials: LinkCredentials): void {
    if (credentials.kind !== this.kind)
      throw new RangeError('secrets and certificates replace only themselves');
    this.tls = linkTls(credentials);
    this.credentials = credentials;
  }
}

const KEY_BYTES = 32;

/** Node's default would follow NODE_TLS_REJECT_UNAUTHORIZED, which must not remove the proof of the accepting end. */
const ALWAYS_VERIFY = { rejectUnauthorized: true } as const;

/** One version, so that the TLS 1.2 forms of these proofs need no thought. */
const VERSION = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;

/** Returns the TLS options of links. Keys stay in their closures: no object that may be logged has them. */
export function linkTls(credentials: LinkCredentials): LinkTls {
  return credentials.kind === 'secrets' ? withSecrets(credentials.secrets) : withCertificates(credentials);
}

/**
 * An external pre-shared key (RFC 8446 §2.2). The key exchange is still fresh for each connection, so a recorded
 * connection can be neither replayed nor read later with the secret.
 */
function withSecrets(secrets: readonly string[]): LinkTls {
  const keys = new Map(secrets.map((secret) => [identityOf(secret), keyOf(secret, 'key')]));
  const [first] = keys;
  if (first === undefined) throw new RangeError('links need at least one secret');
  const [identity, psk] = first;
  return {
    server: { ...VERSION, pskCallback: (_socket, name) => keys.get(name) ?? null },
    client: {
      ...VERSION,
      ...ALWAYS_VERIFY,
      pskCallback: () => ({ psk, identity }),
      // An end that does not know the secret could still present a certificate: no authority is trusted here, and the
      // check of the name, which TLS makes only when there is a certificate, fails.
      ca: [],
      checkServerIdentity: () => new Error('the edge presented a certificate instead of the secret'),
    },
  };
}

function withCertificates({ cert, key, ca }: LinkCredentials & { kind: 'certificates' }): LinkTls {
  const common = { ...VERSION, cert, key, ca };
  return {
    server: { ...common, requestCert: true, rejectUnauthorized: true },
    // Every certificate of this authority is an edge's, at whatever address it is reached. HELLO and WELCOME name it.
    client: { ...common, ...ALWAYS_VERIFY, checkServerIdentity: () => undefined },
  };
}

/** Names the secret to the accepting end. Reveals nothing of it: it is derived like a key of its own. */
function identityOf(secret: string): string {
  return keyOf(secret, 'identity').toString('hex', 0, 16);
}

function keyOf(secret: string, use: 'identity' | 'key'): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', `culvert link 1 ${use}`, KEY_BYTES));
}
