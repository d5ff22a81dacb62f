/** Certificates for tests, created on the spot: a committed private key would alarm every scanner. */
import { generateKeyPairSync, randomBytes, sign, X509Certificate } from 'node:crypto';
import { isIPv4 } from 'node:net';

export interface TestCertificate {
  /** PEM. A self-signed one is its own authority, so it also serves as `ca`. */
  readonly cert: string;
  /** PEM, PKCS #8. */
  readonly key: string;
}

const DAY_MS = 86_400_000;

const OID = {
  commonName: [0x55, 0x04, 0x03],
  subjectAltName: [0x55, 0x1d, 0x11],
  basicConstraints: [0x55, 0x1d, 0x13],
  ecdsaWithSha256: [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
} as const;

const TAG = {
  BOOLEAN: 0x01,
  INTEGER: 0x02,
  BIT_STRING: 0x03,
  OCTET_STRING: 0x04,
  OID: 0x06,
  UTF8_STRING: 0x0c,
  UTC_TIME: 0x17,
  SEQUENCE: 0x30,
  SET: 0x31,
} as const;

/**
 * Creates a P-256 certificate for `names`, DNS names or IPv4 addresses, valid from yesterday for a month (RFC 5280 §4.1).
 * @param issuer the authority that signs it, a self-signed certificate; absent: it signs itself
 */
export function createTestCertificate(names: readonly string[], issuer?: TestCertificate): TestCertificate {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = der(TAG.SEQUENCE, der(TAG.OID, OID.ecdsaWithSha256));
  const subject = nameOf(names[0] ?? 'test');
  const issuerName =
    issuer === undefined ? subject : nameOf(new X509Certificate(issuer.cert).subject.replace(/^CN=/, ''));
  const now = Date.now();
  const toBeSigned = der(
    TAG.SEQUENCE,
    der(0xa0, der(TAG.INTEGER, [2])),
    // A leading 1 keeps the serial number positive and without superfluous zeros.
    der(TAG.INTEGER, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    algorithm,
    issuerName,
    der(TAG.SEQUENCE, utcTime(now - DAY_MS), utcTime(now + 30 * DAY_MS)),
    subject,
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, der(TAG.SEQUENCE, authority(), alternativeNames(names))),
  );
  const signature = sign('sha256', toBeSigned, issuer?.key ?? privateKey);
  const certificate = der(TAG.SEQUENCE, toBeSigned, algorithm, der(TAG.BIT_STRING, [0], signature));
  return {
    cert: `-----BEGIN CERTIFICATE-----\n${certificate.toString('base64')}\n-----END CERTIFICATE-----\n`,
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
  };
}

function nameOf(commonName: string): Buffer {
  const value = der(TAG.UTF8_STRING, Buffer.from(commonName));
  return der(TAG.SEQUENCE, der(TAG.SET, der(TAG.SEQUENCE, der(TAG.OID, OID.commonName), value)));
}

function authority(): Buffer {
  const value = der(TAG.SEQUENCE, der(TAG.BOOLEAN, [0xff]));
  return der(TAG.SEQUENCE, der(TAG.OID, OID.basicConstraints), der(TAG.OCTET_STRING, value));
}

function alternativeNames(names: readonly string[]): Buffer {
  const encoded = names.map((name) =>
    isIPv4(name) ? der(0x87, name.split('.').map(Number)) : der(0x82, Buffer.from(name)),
  );
  const value = der(TAG.SEQUENCE, ...encoded);
  return der(TAG.SEQUENCE, der(TAG.OID, OID.subjectAltName), der(TAG.OCTET_STRING, value));
}

function utcTime(timeMs: number): Buffer {
  const digits = new Date(timeMs).toISOString().replace(/[-:T]/g, '').slice(2, 14);
  return der(TAG.UTC_TIME, Buffer.from(`${digits}Z`));
}

function der(tag: number, ...parts: readonly (Uint8Array | readonly number[])[]): Buffer {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  const { length } = content;
  const header =
    length < 0x80 ? [length] : length < 0x100 ? [0x81, length] : [0x82, length >>> 8, length & 0xff];
  return Buffer.concat([Buffer.from([tag, ...header]), content]);
}
