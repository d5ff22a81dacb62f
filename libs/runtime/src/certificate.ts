/** A certificate that a port shows: read from files, and again when they change, as Kubernetes and ACME clients do. */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { ConfigurationError } from './settings/configuration-error.js';

export interface CertificateFiles {
  /** PEM: the certificate, and those between it and its authority. */
  readonly certFile: string;
  /** PEM, not encrypted. */
  readonly keyFile: string;
  /** How often it is looked whether they have changed. Default: 10 s. Kubernetes takes up to a minute to change them. */
  readonly lookMs?: number;
}

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const DEFAULT_LOOK_MS = 10_000;

/** Throws ConfigurationError unless the two can be read and belong together. */
export function readCertificate(files: CertificateFiles): Certificate {
  return readUnless(files, null)!;
}

/** Null when it is `served` that is read. */
function readUnless({ certFile, keyFile }: CertificateFiles, served: Certificate | null): Certificate | null {
  try {
    const pair = { cert: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') };
    if (pair.cert === served?.cert && pair.key === served.key) return null;
    createSecureContext(pair);
    return pair;
  } catch (cause) {
    throw new ConfigurationError(
      `${certFile} and ${keyFile} must be a certificate and its key in PEM: ${(cause as Error).message}`,
      { cause },
    );
  }
}

export interface CertificateEvents {
  /** Another certificate is to be served from now on. */
  onChange(certificate: Certificate): void;
  /** At two looks in a row the files could not be used: the certificate stays as it is. Once until they can. */
  onProblem(error: ConfigurationError): void;
}

export class CertificateWatch {
  private readonly timer: NodeJS.Timeout;
  /** Looks in a row that found files of no use. */
  private failures = 0;

  constructor(
    private readonly files: CertificateFiles,
    private served: Certificate,
    private readonly events: CertificateEvents,
  ) {
    this.timer = setInterval(() => this.look(), files.lookMs ?? DEFAULT_LOOK_MS);
    this.timer.unref();
  }

  stop(): void {
    clearInterval(this.timer);
  }

  /** While one of the two files is replaced and the other is not they do not fit: that is no problem yet. */
  private look(): void {
    let found: Certificate | null;
    try {
      found = readUnless(this.files, this.served);
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      if (++this.failures === 2) this.events.onProblem(error);
      return;
    }
    this.failures = 0;
    if (found === null) return;
    this.served = found;
    this.events.onChange(found);
  }
}
