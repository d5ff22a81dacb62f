import { DEFAULT_HEAD_LIMITS, parseRequestHead, type RequestHead } from '@culvert/http1';
import { describe, expect, it } from 'vitest';
import { clientLine, EdgeBefore, forwardedLines, TrustedProxies } from './forwarded.js';

function request(host: string, lines = ''): RequestHead {
  const bytes = Buffer.from(`GET / HTTP/1.1\r\nHost: ${host}\r\n${lines}\r\n`, 'latin1');
  return parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS);
}

describe(forwardedLines.name, () => {
  it('quotes a value that is not a token', () => {
    expect(forwardedLines(request('a.test:8080'), '2001:db8::1', true, null)).toBe(
      'X-Forwarded-For: 2001:db8::1\r\nX-Forwarded-Host: a.test:8080\r\nX-Forwarded-Proto: https\r\n' +
        'Forwarded: for="[2001:db8::1]";host="a.test:8080";proto=https\r\n',
    );
  });

  const claims = 'X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\nX-Forwarded-Proto: https\r\n';

  it('ignores what a visitor claims', () => {
    expect(forwardedLines(request('a.test', claims), '9.9.9.9', false, null)).toMatch(
      /^X-Forwarded-For: 9\.9\.9\.9\r\n.*\r\nX-Forwarded-Proto: http\r\n/,
    );
  });

  it('extends the chain of a trusted proxy, and names the client from it', () => {
    const lines = (proxies: readonly string[]) =>
      forwardedLines(request('a.test', claims), '10.0.0.1', false, new TrustedProxies(proxies));
    const chain =
      'X-Forwarded-For: 1.2.3.4, 5.6.7.8, 10.0.0.1\r\nX-Forwarded-Host: a.test\r\nX-Forwarded-Proto: https\r\n';
    // Before the address that the proxy saw, the visitor may have written anything.
    expect(lines(['10.0.0.1'])).toBe(`${chain}Forwarded: for=5.6.7.8;host=a.test;proto=https\r\n`);
    expect(lines(['10.0.0.1', '5.6.7.8'])).toBe(`${chain}Forwarded: for=1.2.3.4;host=a.test;proto=https\r\n`);
  });
});

describe(clientLine.name, () => {
  const claims = 'X-Forwarded-For: 127.0.0.1, 5.6.7.8\r\n';
  const line = (peer: string, proxies: readonly string[] | null) =>
    clientLine(request('a.test', claims), peer, proxies && new TrustedProxies(proxies));

  it('has the address of the peer, whatever a visitor claims', () => {
    expect(line('9.9.9.9', null)).toBe('X-Forwarded-For: 9.9.9.9\r\n');
  });

  it('has the address that a trusted proxy saw, without the claims before it', () => {
    expect(line('10.0.0.1', ['10.0.0.1'])).toBe('X-Forwarded-For: 5.6.7.8\r\n');
  });
});

describe(EdgeBefore.name, () => {
  const edge = new EdgeBefore(['127.0.0.1']);
  // The visitor claimed the first address, the edge trusted the balancer 10.0.0.5.
  const fields = (named: string) =>
    `X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.0.0.5\r\nX-Forwarded-Proto: https\r\nForwarded: ${named}\r\n`;

  it.each([
    ['for=203.0.113.9;host=a.test;proto=https', '203.0.113.9'],
    ['for="[2001:db8::9]";host="a.test:1";proto=https', '2001:db8::9'],
    // The edge writes one element with an address: otherwise, the chain has to tell.
    ['for=_hidden;host=a.test', '10.0.0.5'],
    ['for=6.6.6.6;host=a.test, for=203.0.113.9;host=a.test', '10.0.0.5'],
  ])('names the client: %s is %s', (named, client) => {
    expect(clientLine(request('a.test', fields(named)), '127.0.0.1', edge)).toBe(
      `X-Forwarded-For: ${client}\r\n`,
    );
  });

  it('is not seen in what it wrote', () => {
    const named = 'for=203.0.113.9;host=a.test;proto=https';
    expect(forwardedLines(request('a.test', fields(named)), '127.0.0.1', false, edge)).toBe(
      'X-Forwarded-For: 6.6.6.6, 203.0.113.9, 10.0.0.5\r\nX-Forwarded-Host: a.test\r\nX-Forwarded-Proto: https\r\n' +
        `Forwarded: ${named}\r\n`,
    );
  });
});

describe(TrustedProxies.name, () => {
  it('knows addresses and ranges of both families', () => {
    const proxies = new TrustedProxies(['10.0.0.0/8', '192.0.2.7', '2001:db8::/32']);
    expect(proxies.has('10.200.0.1')).toBe(true);
    expect(proxies.has('192.0.2.7')).toBe(true);
    expect(proxies.has('192.0.2.8')).toBe(false);
    expect(proxies.has('2001:db8:1::1')).toBe(true);
    expect(proxies.has('2001:db9::1')).toBe(false);
    expect(new TrustedProxies([]).has('127.0.0.1')).toBe(false);
  });
});

describe('the client', () => {
  const proxies = new TrustedProxies(['10.0.0.0/8', '2001:db8::/32']);
  it.each([
    ['192.0.2.1', '', '192.0.2.1'],
    // A visitor's own claims are not trusted.
    ['192.0.2.1', '198.51.100.1', '192.0.2.1'],
    ['10.0.0.1', '', '10.0.0.1'],
    ['10.0.0.1', '198.51.100.1', '198.51.100.1'],
    ['10.0.0.1', 'forged, 203.0.113.9,198.51.100.1 , 10.0.0.2', '198.51.100.1'],
    ['10.0.0.1', '10.0.0.3, 10.0.0.2', '10.0.0.3'],
    ['2001:db8::1', '2001:db9::7', '2001:db9::7'],
    ['10.0.0.1', '::ffff:198.51.100.1', '198.51.100.1'],
    ['10.0.0.1', '::FFFF:c633:6401', '198.51.100.1'],
    ['10.0.0.1', 'unknown', '10.0.0.1'],
    ['10.0.0.1', ', ,', '10.0.0.1'],
    ['unknown', '198.51.100.1', 'unknown'],
  ])('of %s with %j is %s', (peer, chain, client) => expect(proxies.clientOf(peer, chain)).toBe(client));
});
