import net from 'node:net';
import { text } from 'node:stream/consumers';
import { HTTP_SYNTAX_STATUS, HttpSyntaxError, type HttpSyntaxCode } from '@culvert/http1';
import { afterEach, describe, expect, it } from 'vitest';
import { DEFAULT_RELAY_LIMITS } from '../limits.js';
import { startRig, type Rig } from '../spec/relay-rig.js';
import { requestFault } from './request-faults.js';

const { head: LIMITS } = DEFAULT_RELAY_LIMITS;

describe(requestFault.name, () => {
  it('describes each fault in a sentence that ends with its code', () => {
    for (const code of Object.keys(HTTP_SYNTAX_STATUS) as HttpSyntaxCode[]) {
      const { message, status } = requestFault(new HttpSyntaxError(code), LIMITS);
      expect(message).toMatch(new RegExp(`^[A-Z].{20,} \\(${code}\\)\\.$`));
      expect(status).toBe(HTTP_SYNTAX_STATUS[code]);
    }
  });

  it.each([
    ['START_LINE_TOO_LONG', LIMITS.maxTargetBytes, 'MAX_TARGET_BYTES'],
    ['HEAD_TOO_LARGE', LIMITS.maxHeadBytes, 'MAX_HEADER_BYTES'],
    ['TOO_MANY_FIELDS', LIMITS.maxFieldCount, 'MAX_HEADER_COUNT'],
  ] as const)('names the limit and the setting that raises it: %s', (code, limit, setting) => {
    const { message } = requestFault(new HttpSyntaxError(code), LIMITS);
    expect(message).toContain(String(limit));
    expect(message).toContain(`ask the operator of Culvert to raise ${setting}`);
  });
});

describe('a request that cannot be read', () => {
  let rig: Rig;
  afterEach(async () => rig.stop());

  const send = async (bytes: string): Promise<string> => {
    const socket = net.connect(rig.port, '127.0.0.1').on('error', () => {});
    socket.write(bytes, 'latin1');
    return text(socket);
  };

  it.each([
    ['a target', 414, 'GET /' + 'a'.repeat(20_000) + ' HTTP/1.1\r\n'],
    ['a head', 431, 'GET / HTTP/1.1\r\nCookie: ' + 'a'.repeat(25_000) + '\r\n'],
    ['a host', 400, 'GET / HTTP/1.1\r\nHost: a b\r\n'],
  ])('is answered with a page for people, and with JSON for programs: %s', async (_what, status, bytes) => {
    rig = await startRig((_request, response) => response.end(), {
      limits: {
        head: { ...LIMITS, maxHeadBytes: status === 431 ? 16_384 : 65_536 },
      },
    });
    const [method, rest] = [
      bytes.slice(0, bytes.indexOf('\r\n') + 2),
      bytes.slice(bytes.indexOf('\r\n') + 2),
    ];
    const page = await send(`${method}Accept: text/html,*/*\r\n${rest}\r\n`);
    expect(page).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*Content-Type: text/html[^]*<h1>`));
    const script = await send(`${method}Accept: text/html\r\nSec-Fetch-Dest: empty\r\n${rest}\r\n`);
    expect(script).toMatch(new RegExp(`^HTTP/1.1 ${status} [^]*Content-Type: application/problem.json`));
    expect(await send(`${bytes}\r\n`)).toContain('Content-Type: application/problem+json');
  });
});
