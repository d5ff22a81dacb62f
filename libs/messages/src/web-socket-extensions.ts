/** What the extensions of a WebSocket mean for who reads its frames (RFC 6455 §9.1, RFC 7692 §7.1). */

export interface Compression {
  /** Whether messages of the visitor, or of the service, may refer to bytes of earlier ones. */
  readonly requestTakeover: boolean;
  readonly responseTakeover: boolean;
}

/**
 * Returns how messages are compressed, from `Sec-WebSocket-Extensions` of the response; null: they are not. Returns
 * 'unknown' for an extension that may give frames another meaning.
 */
export function compressionOf(extensions: string): Compression | 'unknown' | null {
  const accepted = extensions.split(',').filter((text) => text.trim() !== '');
  if (accepted.length === 0) return null;
  const [only = '', ...others] = accepted;
  const [name = '', ...parameters] = only.split(';').map((part) => part.trim().toLowerCase());
  if (others.length > 0 || name !== 'permessage-deflate') return 'unknown';
  return {
    requestTakeover: !parameters.includes('client_no_context_takeover'),
    responseTakeover: !parameters.includes('server_no_context_takeover'),
  };
}
