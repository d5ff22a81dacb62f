import { SECRET_PREFIXES } from '@culvert/domain';
import { DEFAULT_HEAD_LIMITS, parseRequestHead } from '@culvert/http1';
import { describe, expect, it } from 'vitest';
import { maskFields, maskTarget } from './masking.js';

const SECRET = 'S3CR3Tvalue0123456789';

function masked(...lines: string[]) {
  const text = `GET / HTTP/1.1\r\nHost: a\r\n${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
  const bytes = Buffer.from(text, 'latin1');
  const { fields, isTruncated } = maskFields(parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS));
  return { fields: fields.slice(1), isTruncated };
}
const valueOf = (line: string) => masked(line).fields[0].value;

describe('masking', () => {
  it.each([
    [`Authorization: Bearer ${SECRET}`, 'Bearer ***'],
    [`Authorization: ${SECRET}`, '***'],
    [`Authorization: Basic ${SECRET}`, 'Basic ***'],
    [`Proxy-Authorization: Digest username="${SECRET}", x="${SECRET}"`, 'Digest ***'],
    [`Cookie: a=${SECRET}; b="${SECRET}"`, 'a=***; b=***'],
    [`Cookie: ${SECRET}`, ' ***'],
    [`Cookie: a=${SECRET}==; ${SECRET}`, 'a=***; ***'],
    [`Set-Cookie: id=${SECRET}; Path=/; HttpOnly`, 'id=***; Path=/; HttpOnly'],
    [`Sec-WebSocket-Protocol: graphql-ws, ${SECRET}${SECRET}`, 'graphql-ws, ***'],
    [
      `Sec-WebSocket-Protocol: base64url.bearer.authorization.k8s.io.${SECRET}, v4.channel`,
      '***, v4.channel',
    ],
    [`Sec-WebSocket-Protocol: Bearer ${SECRET}`, '***'],
    [`X-Anything: see eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIx.${SECRET} there`, 'see *** there'],
    [`X-Api-Key: ${SECRET}`, '***'],
    [`apikey: ${SECRET}`, '***'],
    [`X-Amz-Security-Token: ${SECRET}`, '***'],
    [`X-Hub-Signature-256: sha256=${SECRET}`, '***'],
    [`X-CSRF: ${SECRET}`, '***'],
    [`X-Ambassador-Api-Key: ${SECRET}`, '***'],
    [`Culvert-Preview-Token: cvp_${SECRET}`, '***'],
    ...Object.values(SECRET_PREFIXES).map((prefix) => [
      `X-Anything: see ${prefix}${SECRET} there`,
      'see *** there',
    ]),
    [
      `Referer: https://a.test/x?page=1&access_token=${SECRET}&y=2`,
      'https://a.test/x?page=1&access_token=***&y=2',
    ],
    [`Location: https://ann:${SECRET}@a.test/`, 'https://***@a.test/'],
    [`Referer: https://p.test/.culvert/share/${SECRET}/x`, 'https://p.test/.culvert/share/***/x'],
  ])('masks the secret in: %s', (line, expected) => {
    expect(valueOf(line).trim()).toBe(expected.trim());
    expect(JSON.stringify(masked(line))).not.toContain(SECRET);
    expect(masked(line).fields[0].isMasked).toBe(true);
  });

  it.each([
    'Accept: text/html',
    'Sec-WebSocket-Key: dGhl',
    'X-Name: <script>alert(1)</script>',
    'X-Keyboard: qwerty',
  ])('leaves unchanged: %s', (line) => {
    const { fields, isTruncated } = masked(line);
    expect(fields).toEqual([
      { name: line.split(':')[0], value: line.slice(line.indexOf(':') + 2), isMasked: false },
    ]);
    expect(isTruncated).toBe(false);
  });

  it('masks secrets in targets', () => {
    expect(maskTarget(`/a?code=${SECRET}&x=1#token=${SECRET}`)).toBe('/a?code=***&x=1#token=***');
    expect(maskTarget('/a?q=1&page=2')).toBe('/a?q=1&page=2');
  });

  it('bounds heads, and marks shortened ones', () => {
    const { fields, isTruncated } = masked(`X-Long: ${'a'.repeat(20_000)}`, `X-Late: b`);
    expect(isTruncated).toBe(true);
    expect(fields[0].value.length).toBeLessThan(5000);
    const many = masked(...Array.from({ length: 90 }, (_, i) => `X-${i}: ${'v'.repeat(200)}`));
    expect(many.isTruncated).toBe(true);
    expect(JSON.stringify(many).length).toBeLessThan(40_000);
  });

  it('takes no longer for values that are built to be slow', () => {
    const hostile = [
      '?token'.repeat(10_000),
      '?' + 'token'.repeat(12_000),
      '//'.repeat(30_000),
      '=;'.repeat(30_000),
    ];
    for (const value of hostile) {
      for (const name of ['X-A', 'Cookie', 'Set-Cookie', 'Referer']) {
        const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${name}: ${value}\r\n\r\n`);
        const limits = { ...DEFAULT_HEAD_LIMITS, maxHeadBytes: 100_000 };
        expect(maskFields(parseRequestHead(bytes, 0, bytes.length, limits)).isTruncated).toBe(true);
      }
    }
  });
});
