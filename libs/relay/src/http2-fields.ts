import type { OutgoingHttpHeaders } from 'node:http2';

/**
 * Field lines as Node's HTTP/2 takes them: names in lower case, one entry per name.
 * @param lines valid lines of HTTP/1.1, each with its CRLF, from `offset` on
 */
export function http2Fields(lines: string, offset = 0): OutgoingHttpHeaders {
  const fields: OutgoingHttpHeaders = {};
  let position = offset;
  while (position < lines.length) {
    const colon = lines.indexOf(':', position);
    const lineEnd = lines.indexOf('\r\n', colon);
    let start = colon + 1;
    let end = lineEnd;
    while (start < end && isWhitespace(lines.charCodeAt(start))) start++;
    while (end > start && isWhitespace(lines.charCodeAt(end - 1))) end--;
    addHttp2Field(fields, lines.slice(position, colon), lines.slice(start, end));
    position = lineEnd + 2;
  }
  return fields;
}

/** Adds one field as sent to fields as Node's HTTP/2 takes them. */
export function addHttp2Field(fields: OutgoingHttpHeaders, sentName: string, value: string): void {
  const name = sentName.toLowerCase();
  // The one valid name that would not become an entry. An object without prototype costs more on every response.
  if (name === '__proto__') return;
  const earlier = fields[name];
  if (earlier === undefined || !Object.hasOwn(fields, name)) fields[name] = value;
  // RFC 9110 §5.3: any repeated field may become one list, but not this one.
  else if (name !== 'set-cookie') fields[name] = `${earlier as string}, ${value}`;
  else if (Array.isArray(earlier)) earlier.push(value);
  else fields[name] = [earlier as string, value];
}

function isWhitespace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
