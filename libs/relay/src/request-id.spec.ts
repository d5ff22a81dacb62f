import http from 'node:http';
import { DEFAULT_HEAD_LIMITS, parseRequestHead } from '@culvert/http1';
import { afterEach, describe, expect, it } from 'vitest';
import {
  claimedRequestId,
  makeRequestId,
  requestIdLine,
  splitRequestId,
  withRequestId,
} from './request-id.js';
import { type Rig, startRig } from './spec/relay-rig.js';

const HEX = /^[0-9a-f]{32}$/;
const OTHER = 'f'.repeat(32);

const claim = (...lines: string[]) => {
  const bytes = Buffer.from(['GET / HTTP/1.1', 'Host: a', ...lines, '', ''].join('\r\n'), 'latin1');
  return claimedRequestId(parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS));
};

describe('the id of a request', () => {
  it('is another one for each request, over many batches', () => {
    const ids = Array.from({ length: 2000 }, makeRequestId);
    expect(new Set(ids).size).toBe(2000);
    for (const id of ids) expect(id).toMatch(HEX);
  });

  it('is that of a trusted proxy, if it is safe in a log', () => {
    expect(claim('X-Request-Id: edge-7f.3:A+/=@_9')).toBe('edge-7f.3:A+/=@_9');
    for (const line of [
      'X-Request-Id: ',
      'X-Request-Id: two words',
      `X-Request-Id: ${'a'.repeat(129)}`,
      'X-Request-Id: "quoted"',
      'X-Request-Id: \x80',
    ])
      expect(claim(line)).toMatch(HEX);
    expect(claim()).toMatch(HEX);
  });

  it('is replaced in a copy of a head, and found again', () => {
    const id = makeRequestId();
    const head = Buffer.from(`GET / HTTP/1.1\r\nHost: a\r\n${requestIdLine(id)}\r\n`);
    const before = head.toString();
    const copy = withRequestId(head, OTHER);
    expect(copy.toString()).toBe(before.replace(id, OTHER));
    expect(head.toString()).toBe(before);
    const { end, requestId } = splitRequestId(copy);
    expect(requestId).toBe(OTHER);
    expect(copy.toString('latin1', 0, end)).toBe('GET / HTTP/1.1\r\nHost: a\r\n');
  });

  it('is not found in a head without one at its end', () => {
    for (const text of [
      'GET / HTTP/1.1\r\n\r\n',
      `GET / HTTP/1.1\r\n${requestIdLine(OTHER)}A: b\r\n\r\n`,
      '',
    ]) {
      const head = Buffer.from(text);
      expect(splitRequestId(head)).toEqual({ end: head.length, requestId: '' });
    }
  });
});

describe('a response with a head that is repeated', () => {
  let rig: Rig;
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  afterEach(async () => {
    agent.destroy();
    await rig.stop();
  });

  /** Returns the id in the head and in the body of a response, whose body repeats the id that the service got. */
  const ids = (path: string) =>
    new Promise<{ readonly head: unknown; readonly body: string }>((resolve, reject) => {
      const options = { port: rig.port, path, agent, headers: { host: 'demo.preview.test' } };
      const request = http.get(options, (response) => {
        let body = '';
        response.on('data', (chunk) => (body += String(chunk)));
        response.on('end', () => resolve({ head: response.headers['x-request-id'], body: body.trim() }));
      });
      request.on('error', reject);
    });

  it('has the id of its own request, whatever the size of its body, for many visitors at once', async () => {
    rig = await startRig(
      (request, response) => {
        const body = String(request.headers['x-request-id']).padEnd(Number(request.url!.slice(1)));
        response.sendDate = false;
        // The head leaves in one piece with a small body, and alone before a large one.
        response.writeHead(200, { 'Content-Length': body.length }).end(body);
      },
      { hasRequestIds: true },
    );
    const seen = new Set<string>();
    for (let round = 0; round < 10; round++) {
      const size = [32, 100_000][round % 2];
      for (const { head, body } of await Promise.all(Array.from({ length: 8 }, () => ids(`/${size}`)))) {
        expect(body).toMatch(HEX);
        expect(head).toBe(body);
        seen.add(body);
      }
    }
    expect(seen.size).toBe(80);
  });
});
