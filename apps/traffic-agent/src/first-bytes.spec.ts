import { describe, expect, it } from 'vitest';
import { spokenIn } from './first-bytes.js';

describe('the protocol of a connection', () => {
  it.each([
    'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
    'M-SEARCH * HTTP/1.1\r\n',
    'GET /%C3%A9?a=b HTTP/1.0\r\n',
    '\r\nGET / HTTP/1.1\r\n',
    'G',
    'P',
    'PRO',
    'POST /a',
    'GET / HTTP/1.',
    `GET /${'a'.repeat(500)}`,
  ])('is HTTP/1 if it begins with %j', (text) => {
    expect(spokenIn(Buffer.from(text))).toBe('http1');
  });

  it.each(['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'PRI * HTTP/2.0', 'PRI'])(
    'is HTTP/2 if it begins with %j',
    (text) => {
      expect(spokenIn(Buffer.from(text))).toBe('h2c');
    },
  );

  it.each([
    '\x16\x03\x01\x02\x00\x01',
    '*1\r\n$4\r\nPING\r\n',
    'PING\r\n',
    'get key\r\n',
    'EHLO mail.example.com\r\n',
    'SSH-2.0-OpenSSH_9.6\r\n',
    'GET / HTTP/3.0\r\n',
    ' GET / HTTP/1.1\r\n',
    '\x00\x00\x00\x08\x04\xd2\x16\x2f',
  ])('is neither HTTP/1 nor HTTP/2 if it begins with %j', (text) => {
    expect(spokenIn(Buffer.from(text, 'latin1'))).toBe('other');
  });
});
