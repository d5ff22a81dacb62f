import type { OutgoingHttpHeaders } from 'node:http2';

/**
 * Field lines as Node's HTTP/2 takes them: names in lower case, one entry per name.
 * @param lines valid lines of HTTP/1.1, each with its CRLF, from `offset` on
 */
export function http2Fields(lines: string, offset = 0): OutgoingHttpHeaders {
  // Without a prototype: `__proto__` is a valid field name.
  const fields = Object.create(null) as Record<string, string | string[] | number>;
  let position = offset;
  while (position < lines.length) {
    const colon = lines.indexOf(':', position);
    const lineEnd = lines.indexOf('\r\n', colon);
    const name = lines.slice(position, colon).toLowerCase();
    let start = colon + 1;
    let end = lineEnd;
    while (start < end && isWhitespace(lines.charCodeAt(start))) start++;
    while (end > start && isWhitespace(lines.charCodeAt(end - 1))) end--;
    const value = lines.slice(start, end);
    const earlier = fields[name];
    if (earlier === undefined) fields[name] = value;
    // RFC 9110 §5.3: any repeated field may become one list, but not this one.
    else if (name !== 'set-cookie') fields[name] = `${earlier as string}, ${value}`;
    else if (Array.isArray(earlier)) earlier.push(value);
    else fields[name] = [earlier as string, value];
    position = lineEnd + 2;
  }
  return fields;
}

function isWhitespace(code: number): boolean {
  return code === 0x20 || code === 0x09;
}
