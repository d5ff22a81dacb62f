/** A server certificate in files, which Kubernetes and ACME clients replace while the port is open. */
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { type FileEvents, FileWatch } from './file-watch.js';
import { checkCertificate } from './pem.js';
import { ConfigurationError } from './settings/configuration-error.js';

export interface CertificateFiles {
  /** PEM: the certificate and its intermediate certificates. */
  readonly certFile: string;
  /** PEM, unencrypted. */
  readonly keyFile: string;
  /** Interval between two checks of the files. Default: 10 s. Kubernetes takes up to a minute to replace them. */
  readonly lookMs?: number;
}

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

/** Returns when the first certificate of a PEM text expires, in seconds since 1970. */
export function certificateExpiry(pem: string | Buffer): number {
  return Date.parse(new X509Certificate(pem).validTo) / 1000;
}

/** Reads the two files. @throws ConfigurationError unless both can be read and belong together */
export function readCertificate(files: CertificateFiles): Certificate {
  return readUnless(files, null)!;
}

/** Returns null when the files still hold `served`. */
function readUnless({ certFile, keyFile }: CertificateFiles, served: Certificate | null): Certificate | null {
  try {
    const pair = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
    if (pair.cert === served?.cert && pair.key === served.key) return null;
    checkCertificate(pair);
    return pair;
  } catch (cause) {
    throw new ConfigurationError(
      `${certFile} and ${keyFile} must be a certificate and its key in PEM: ${(cause as Error).message}`,
      { cause },
    );
  }
}

/** What the watch of a certificate reports. */
export type CertificateEvents = FileEvents<Certificate>;

/** Checks the files of a certificate at an interval, and reports changes. Never keeps the process alive. */
export class CertificateWatch extends FileWatch<Certificate> {
  constructor(files: CertificateFiles, served: Certificate, events: CertificateEvents) {
    super((used) => readUnless(files, used), served, events, files.lookMs);
  }
}
