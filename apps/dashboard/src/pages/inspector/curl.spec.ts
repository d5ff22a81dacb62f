import { execFile, execFileSync } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { Exchange } from '../../api/exchanges.js';
import { toCurl } from './curl.js';

const ORIGIN = 'https://quiet-heron.preview.test';

function request(change: Partial<Exchange>): Exchange {
  return {
    method: 'GET',
    target: '/',
    request: { fields: [], isTruncated: false },
    ...change,
  } as Exchange;
}

/** Returns the words that curl would get from a shell. */
function wordsOf(command: string): string[] {
  const script = `curl() { for word in "$@"; do printf '%s\\n' "$word"; done; }\n${command}`;
  return execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trimEnd().split('\n');
}

describe(toCurl.name, () => {
  it('contains method and fields, without those that curl adds itself', () => {
    const exchange = request({
      method: 'DELETE',
      target: '/basket/1?all=yes',
      request: {
        isTruncated: false,
        fields: [
          { name: 'Host', value: 'x', isMasked: false },
          { name: 'x-dev', value: 'ann', isMasked: false },
          { name: 'Cookie', value: '***', isMasked: true },
        ],
      },
    });
    expect(wordsOf(toCurl(exchange, ORIGIN, null))).toEqual([
      '--globoff',
      '--path-as-is',
      `${ORIGIN}/basket/1?all=yes`,
      '-X',
      'DELETE',
      '-H',
      'x-dev: ann',
    ]);
    expect(toCurl(exchange, ORIGIN, null)).toContain('# Left out because they are secret: Cookie');
  });

  it.each(["'; touch /tmp/owned; '", '$(id)', '`id`', '"', '\\', "'\\''", '!!', '&& id #'])(
    'runs nothing that a visitor wrote: %s',
    (hostile) => {
      const exchange = request({
        target: `/${hostile}`,
        request: { isTruncated: false, fields: [{ name: 'x', value: hostile, isMasked: false }] },
      });
      expect(wordsOf(toCurl(exchange, ORIGIN, null))).toEqual([
        '--globoff',
        '--path-as-is',
        `${ORIGIN}/${hostile}`,
        '-H',
        `x: ${hostile}`,
      ]);
    },
  );

  it('sends one request that is the same as the recorded one', async () => {
    const lines: string[] = [];
    const service = http.createServer((received, response) => {
      const { rawHeaders } = received;
      lines.push(`${received.method} ${received.url} ${rawHeaders[rawHeaders.indexOf('X-Empty') + 1]}`);
      response.writeHead(200, { 'content-length': 5 }).end(received.method === 'HEAD' ? '' : 'hello');
    });
    await once(service.listen(0, '127.0.0.1'), 'listening');
    try {
      const origin = `http://127.0.0.1:${(service.address() as AddressInfo).port}`;
      const fields = [{ name: 'X-Empty', value: '', isMasked: false }];
      for (const [method, target] of [
        ['GET', '/a/../b?x=[1-100000]&y={a,b}'],
        ['HEAD', '/file'],
        ['POST', '/{1,2}'],
      ]) {
        const command = toCurl(
          request({ method, target, request: { isTruncated: false, fields } }),
          origin,
          null,
        );
        await promisify(execFile)('sh', ['-c', `${command} --silent --max-time 10`]);
      }
      expect(lines).toEqual(['GET /a/../b?x=[1-100000]&y={a,b} ', 'HEAD /file ', 'POST /{1,2} ']);
    } finally {
      service.close();
    }
  });

  it('passes the body to curl unchanged, byte by byte', () => {
    const body = {
      base64: Buffer.from([0, 255, 10, 39]).toString('base64'),
      bytes: 4,
      isTruncated: true,
      contentType: null,
      contentEncoding: null,
    };
    const command = toCurl(request({ method: 'POST' }), ORIGIN, body);
    const script = `curl() { od -An -tu1; }\n${command}`;
    expect(execFileSync('sh', ['-c', script], { encoding: 'utf8' }).trim().split(/\s+/)).toEqual([
      '0',
      '255',
      '10',
      '39',
    ]);
    expect(command).toContain('# The body is longer');
  });
});
