const BYTES_PER_LINE = 16;

/** Returns bytes in hexadecimal digits with their offsets and, where they are printable, their characters. */
export function hexDump(base64: string): string {
  const bytes = Uint8Array.from(atob(base64), (character) => character.codePointAt(0) ?? 0);
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += BYTES_PER_LINE) {
    const part = [...bytes.subarray(at, at + BYTES_PER_LINE)];
    const digits = part.map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
    const characters = part.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCodePoint(byte) : '.'));
    lines.push(`${at.toString(16).padStart(6, '0')}  ${digits.padEnd(47)}  ${characters.join('')}`);
  }
  return lines.join('\n');
}
