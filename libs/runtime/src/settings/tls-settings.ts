import { readFileSync } from 'node:fs';
import type { CertificateFiles } from '../certificate.js';
import { checkCertificate } from '../pem.js';
import type { ConfigurationProblem } from './configuration-error.js';
import type { Values } from './variables.js';
import { VARIABLES } from './variables.js';

/** Returns the files of a certificate and its key, or null for plain text. Adds what is wrong with them to `problems`. */
export function readTls(
  { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile }: Values,
  problems: ConfigurationProblem[],
): CertificateFiles | null {
  if (certFile === undefined && keyFile === undefined) return null;
  const cert = readPem('TLS_CERT_FILE', certFile, problems);
  const key = readPem('TLS_KEY_FILE', keyFile, problems);
  if (certFile === undefined || keyFile === undefined || cert === null || key === null) return null;
  try {
    checkCertificate({ cert, key });
  } catch {
    const expected =
      'a PEM certificate chain whose first certificate belongs to the private key in TLS_KEY_FILE';
    problems.push({ variable: 'TLS_CERT_FILE', expected, got: certFile });
    return null;
  }
  return { certFile, keyFile };
}

function readPem(
  variable: 'TLS_CERT_FILE' | 'TLS_KEY_FILE',
  path: string | undefined,
  problems: ConfigurationProblem[],
): Buffer | null {
  if (path === undefined) {
    problems.push({ variable, expected: 'set as well: TLS needs a certificate and its key' });
    return null;
  }
  try {
    return readFileSync(path);
  } catch {
    problems.push({ variable, expected: VARIABLES[variable].description ?? 'readable', got: path });
    return null;
  }
}
