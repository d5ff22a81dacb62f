/** OPEN's JSON: docs/protocol.md §4. */
import { booleanField, choiceField, hasField, integerField, parseFields, textField } from './fields.js';
import { ProtocolError } from './errors.js';
import { MAX_JSON_BYTES } from './frame.js';
import { isPlainText } from './text.js';
import { ALPN_PROTOCOLS } from './types.js';
import type { StreamTarget } from './types.js';

const CREDIT_BYTES = 4;

/** Returns OPEN's JSON, or null when `target` breaks a limit of the protocol. */
export function encodeTarget(target: StreamTarget): Buffer | null {
  const { interceptId, host, port, tls, serverName, verifyTls, alpn } = target;
  const fits =
    isPlainText(interceptId, 1, 512) &&
    isPlainText(host, 1, 255) &&
    isPlainText(serverName, 0, 255) &&
    Number.isInteger(port) &&
    port >= 1 &&
    port <= 65_535 &&
    (alpn === undefined || (tls && ALPN_PROTOCOLS.includes(alpn)));
  if (!fits) return null;
  // JSON leaves out undefined members.
  const bytes = Buffer.from(JSON.stringify({ interceptId, host, port, tls, serverName, verifyTls, alpn }));
  return bytes.length <= MAX_JSON_BYTES - CREDIT_BYTES ? bytes : null;
}

/** Throws ProtocolError unless `payload`, after its credit, is a target. */
export function decodeTarget(payload: Buffer): StreamTarget {
  const fields = parseFields(payload.subarray(CREDIT_BYTES), 'OPEN');
  const target = {
    interceptId: textField(fields, 'interceptId', 1, 512),
    host: textField(fields, 'host', 1, 255),
    port: integerField(fields, 'port', 1, 65_535),
    tls: booleanField(fields, 'tls'),
    serverName: textField(fields, 'serverName', 0, 255),
    verifyTls: booleanField(fields, 'verifyTls'),
  };
  if (!hasField(fields, 'alpn')) return target;
  if (!target.tls) throw new ProtocolError('alpn without tls');
  return { ...target, alpn: choiceField(fields, 'alpn', ALPN_PROTOCOLS) };
}
