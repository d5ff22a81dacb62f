/** Heads of one connection's requests: found at every split, and the same to the service whether they repeat or not. */
import { describe, expect, it } from 'vitest';
import { RelayClock } from '../clock.js';
import { DEFAULT_RELAY_LIMITS } from '../limits.js';
import { Route } from '../routing/route.js';
import { StreamPools } from '../upstream/stream-pools.js';
import { TrustedProxies } from './forwarded.js';
import { RequestHeads } from './request-heads.js';

const HEAD = 'GET /a HTTP/1.1\r\nHost: demo.preview.test:8080\r\nCookie: a=b\r\n\r\n';
const PEER = '192.0.2.1';

const route = Route.forPreview(
  {
    id: 'p1',
    teamId: 't1',
    hostname: 'demo.preview.test',
    interceptId: 'id:demo',
    ingress: 'web.internal:80',
    l5Host: 'web.internal',
    addRequestHeaders: {},
    access: 'public',
    expiresAt: Infinity,
  },
  new StreamPools().open({ dial: () => 'absent', isPreferred: () => false, onArrival: () => () => false }),
);

function startHeads(proxies: readonly string[] = []): RequestHeads {
  const relay = {
    clock: new RelayClock(),
    limits: DEFAULT_RELAY_LIMITS,
    trustedProxies: new TrustedProxies(proxies),
  };
  return new RequestHeads(relay, PEER, false);
}

function read(heads: RequestHeads, text: string): string {
  const request = heads.read(Buffer.from(text, 'latin1'), 0);
  if (request === null) throw new Error('the head is not whole');
  heads.hostnameOf(request);
  return heads.outgoing(request, route, '').toString('latin1');
}

describe(RequestHeads.name, () => {
  it('finds a head at every split, and returns where it ends', () => {
    for (let split = 1; split < HEAD.length; split++) {
      const heads = startHeads();
      expect(heads.read(Buffer.from(HEAD.slice(0, split)), 0), `split at ${split}`).toBeNull();
      expect(heads.held?.toString('latin1', 0, split)).toBe(HEAD.slice(0, split));
      expect(heads.read(Buffer.from(`..${HEAD.slice(split)}body`), 2)?.target).toBe('/a');
      expect(heads.next).toBe(2 + HEAD.length - split);
      expect(heads.held).toBeNull();
    }
  });

  it('forwards a repeated head like the first one, even after it was forgotten', () => {
    const heads = startHeads();
    const first = read(heads, HEAD);
    expect(first).toContain(`X-Forwarded-For: ${PEER}\r\nX-Forwarded-Host: demo.preview.test:8080\r\n`);
    for (let i = 0; i < 4; i++) expect(read(heads, `${HEAD}body`)).toBe(first);
    expect(heads.next).toBe(HEAD.length);
    heads.forget();
    expect(read(heads, HEAD)).toBe(first);
  });

  it('names the host of each request, although the connection named another before', () => {
    const heads = startHeads();
    read(heads, HEAD);
    expect(read(heads, HEAD.replace('demo', 'other'))).toContain('X-Forwarded-Host: other.preview.test:8080');
    expect(read(heads, HEAD)).toContain('X-Forwarded-Host: demo.preview.test:8080');
  });

  it('forwards the fields of a trusted proxy with each request, although all name the same host', () => {
    const heads = startHeads([PEER]);
    for (const client of ['198.51.100.1', '198.51.100.2']) {
      const sent = read(heads, HEAD.replace('Cookie', `X-Forwarded-For: ${client}\r\nCookie`));
      expect(sent).toContain(`X-Forwarded-For: ${client}, ${PEER}\r\n`);
    }
  });

  it('returns the bytes that a malformed head leaves', () => {
    const heads = startHeads();
    expect(() => heads.read(Buffer.from('GET / HTTP/1.1\r\nHost : a.test\r\n\r\n'), 0)).toThrow();
    expect(heads.held).toBeNull();
  });
});
