const CRLF = '\r\n';

/** One chunk of the chunked coding (RFC 9112 §7.1); `data` is not empty. */
export function chunkOf(data: Buffer): Buffer {
  const size = `${data.length.toString(16)}${CRLF}`;
  const chunk = Buffer.allocUnsafe(size.length + data.length + CRLF.length);
  chunk.write(size, 0, 'latin1');
  chunk.set(data, size.length);
  chunk.write(CRLF, size.length + data.length, 'latin1');
  return chunk;
}
