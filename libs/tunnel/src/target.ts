/** OPEN's JSON: docs/protocol.md §4. */
import { booleanField, choiceField, hasField, integerField, parseFields, textField } from './fields.js';
import { ProtocolError } from './errors.js';
import { MAX_JSON_BYTES } from './frame.js';
import { isPlainText } from './text.js';
import { ALPN_PROTOCOLS } from './types.js';
import type { StreamTarget } from './types.js';

const CREDIT_BYTES = 4;

/** Maximum number of characters of a traffic manager's ID. */
const MAX_ID_LENGTH = 64;

/** What connects the two ends: a link connects two edges. */
export type PeerKind = 'link' | 'tunnel';

/**
 * Returns OPEN's JSON, or null when `target` breaks a limit of the protocol. Only links carry `trafficManagerId`.
 */
export function encodeTarget(target: StreamTarget, over: PeerKind = 'tunnel'): Buffer | null {
  const { interceptId, host, port, tls, serverName, verifyTls, alpn } = target;
  const trafficManagerId = over === 'link' ? target.trafficManagerId : undefined;
  const fits =
    isPlainText(interceptId, 1, 512) &&
    isPlainText(host, 1, 255) &&
    isPlainText(serverName, 0, 255) &&
    Number.isInteger(port) &&
    port >= 1 &&
    port <= 65_535 &&
    (alpn === undefined || (tls && ALPN_PROTOCOLS.includes(alpn))) &&
    (trafficManagerId === undefined || isPlainText(trafficManagerId, 1, MAX_ID_LENGTH));
  if (!fits) return null;
  // JSON leaves out undefined members.
  const members = { interceptId, host, port, tls, serverName, verifyTls, alpn, trafficManagerId };
  const bytes = Buffer.from(JSON.stringify(members));
  return bytes.length <= MAX_JSON_BYTES - CREDIT_BYTES ? bytes : null;
}

/**
 * Throws ProtocolError unless `payload`, after its credit, is a target. `trafficManagerId` is ignored except on links, as
 * unknown members are.
 */
export function decodeTarget(payload: Buffer, over: PeerKind = 'tunnel'): StreamTarget {
  const fields = parseFields(payload.subarray(CREDIT_BYTES), 'OPEN');
  const target: StreamTarget = {
    interceptId: textField(fields, 'interceptId', 1, 512),
    host: textField(fields, 'host', 1, 255),
    port: integerField(fields, 'port', 1, 65_535),
    tls: booleanField(fields, 'tls'),
    serverName: textField(fields, 'serverName', 0, 255),
    verifyTls: booleanField(fields, 'verifyTls'),
  };
  const hasAlpn = hasField(fields, 'alpn');
  const isForManager = over === 'link' && hasField(fields, 'trafficManagerId');
  if (!hasAlpn && !isForManager) return target;
  if (hasAlpn && !target.tls) throw new ProtocolError('alpn without tls');
  return {
    ...target,
    ...(hasAlpn && { alpn: choiceField(fields, 'alpn', ALPN_PROTOCOLS) }),
    ...(isForManager && { trafficManagerId: textField(fields, 'trafficManagerId', 1, MAX_ID_LENGTH) }),
  };
}
