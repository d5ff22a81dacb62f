/** A server certificate in files, which Kubernetes and ACME clients replace while the port is open. */
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
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

const DEFAULT_LOOK_MS = 10_000;

/** Reads the two files. @throws ConfigurationError unless both can be read and belong together */
export function readCertificate(files: CertificateFiles): Certificate {
  return readUnless(files, null)!;
}

/** Returns null when the files still hold `served`. */
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
  /** The files hold another certificate. It must be served from now on. */
  onChange(certificate: Certificate): void;
  /** Two checks in a row found unusable files. Not called again until a check finds usable files. */
  onProblem(error: ConfigurationError): void;
}

/** Checks the files of a certificate at an interval, and reports changes. Never keeps the process alive. */
export class CertificateWatch {
  private readonly timer: NodeJS.Timeout;
  /** Checks in a row that found unusable files. */
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

  /** A single failed check is not a problem: it may have come between the replacements of the two files. */
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
