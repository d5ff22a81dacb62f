/** Checks of PEM texts. Node accepts an empty text as a certificate, as a key and, for any public authority, as a CA. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';

/** A certificate and its key. */
export interface PemPair {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

/** @throws unless `cert` begins with a certificate, and `key` is its private key */
export function checkCertificate({ cert, key }: PemPair): void {
  if (!new X509Certificate(cert).checkPrivateKey(createPrivateKey(key)))
    throw new Error('the key belongs to another certificate');
  // Checks the rest of the chain.
  createSecureContext({ cert, key });
}

/** @throws unless `ca` begins with a certificate, and what follows can be read too */
export function checkAuthorities(ca: string): void {
  // It throws if there is none, which `createSecureContext` accepts.
  if (new X509Certificate(ca).raw.length === 0) throw new Error('there is no certificate');
  createSecureContext({ ca });
}
