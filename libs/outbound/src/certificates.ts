import { rootCertificates } from 'node:tls';

/**
 * Returns the certificates to trust where `ca` is trusted in addition to the usual ones, as `tls.connect` takes them. Undefined
 * without `ca`: then the usual ones apply.
 * @param ca PEM certificates
 */
export function withUsualCertificates(ca: string | undefined): string[] | undefined {
  return ca === undefined ? undefined : [...rootCertificates, ca];
}
