// Inputs for the fuzzer: messages from a grammar that prefers the edges of the rules, and mutations of them.
import type { Random } from './random.js';

const METHODS = [
  'GET',
  'GET',
  'POST',
  'PUT',
  'HEAD',
  'OPTIONS',
  'DELETE',
  'PATCH',
  'TRACE',
  'QUERY',
  'get',
  'M-SEARCH',
];
const ODD_METHODS = ['CONNECT', '', 'G(T', 'GET\t', 'A'.repeat(32), 'A'.repeat(33), 'PRI', 'GÉT', 'HTTP/1.1'];
const TARGETS = [
  '/',
  '/',
  '/a',
  '/a/../b//c?d=e&f',
  '/%00%zz',
  '/?#'.slice(0, 2),
  '//host/',
  '/{|}^`"<>\\',
  '/a?b?c',
  '*',
];
const ODD_TARGETS = [
  'http://a',
  'http://a/b',
  'HTTPS://A/?q',
  'http://b/',
  'http://u@a/',
  'a:80',
  '/a#b',
  '/é',
  '/a b',
  '',
  'http:/a',
  '?',
  '/\t',
];
const VERSIONS = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'];
const ODD_VERSIONS = [
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/0.9',
  'http/1.1',
  'HTTP/1.1 ',
  'HTTP/11',
  'HTTP/1.10',
  '',
  'HTTP/1,1',
];
const HOSTS = [
  '\ta\t',
  ' a  ',
  'a',
  'a',
  'A',
  'a:80',
  'quiet-heron.preview.example.com',
  'Foo.Example:8443',
  '127.0.0.1',
  '[::1]',
  '[2001:DB8::7]:443',
];
const ODD_HOSTS = [
  '',
  'a, b',
  'u@a',
  'a:',
  'a:65536',
  'a:b',
  '[::1',
  '[::g]',
  '[1:2:3:4:5:6:7:8:9]',
  'a/b',
  'a b',
  '%41',
  '[::ffff:1.2.3.4]',
  '[fe80::1%eth0]',
  'é',
  'a:000080',
];
const FIELDS = [
  'Accept: */*',
  'User-Agent: fuzz/1.0 (x; y)',
  'cookie: a=b; c="d"',
  'X-Empty:',
  'X-Spaces: \t a \t b \t',
  'X-Obs: caf\xe9 \x80\xff',
  'X-Request-Id:1',
  "!#$%&'*+-.^_`|~0aZ: token",
  'Date: Fri, 20 Nov 2026 10:00:00 GMT',
  'Content-Type: text/plain',
  'X-Forwarded-For: 1.2.3.4',
  'X_Real_IP: 1.2.3.4',
  'Upgrade: websocket',
  'Upgrade: h2c',
  'Upgrade: SPDY/3.1',
  'Upgrade: tcp',
  'Connection: upgrade',
  'Connection: close',
  'Connection: keep-alive',
  'Connection: Keep-Alive, x-a,, X-B , te',
  'Connection: ',
  'Content-Length: 5',
  'Content-Length: 0',
  'Content-Length: 007',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: Chunked ',
  'Expect: 100-continue',
  'TE: trailers',
  'Content-Length:5',
  'Content-Length:  5  ',
  'Transfer-Encoding:chunked',
  'Transfer-Encoding:   CHUNKED  ',
  'Connection:\tUpgrade\t,\tX-A \t',
  'Upgrade:\tWebSocket \t',
  'Expect:\t100-Continue\t',
  'Trailer: X-Sum',
];
const ODD_FIELDS = [
  'Content-Length: +5',
  'Content-Length: 5\t',
  'Content-Length:\t5',
  'Transfer-Encoding: chunked\t',
  'Transfer-Encoding: \tchunked',
  'Transfer-Encoding: gzip,\tchunked',
  'Content-Length: 5, 5',
  'Content-Length:',
  'Content-Length: 0x5',
  'Content-Length: 9007199254740991',
  'Content-Length: 9007199254740992',
  'Content-Length: 00000000000000005',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: chunked, gzip',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: ,chunked',
  'Transfer-Encoding:',
  'Transfer-Encoding: chunked;q=1',
  'Transfer-Encoding : chunked',
  'Transfer-Encoding\t: chunked',
  'Host: a',
  'Connection: a b',
  'Connection: @',
  'Connection: Keep-Alive; timeout=5',
  'Connection: "close", x-empty;a, keep-alive',
  `Connection: ${'x,'.repeat(33)}`,
  `Connection: ${Array.from({ length: 33 }, (_, i) => `x${i}`).join(',')}`,
  'Expect: 200-ok',
  'Upgrade: websocket, h2c',
  ': empty',
  'no colon',
  'b(ad: name',
  'X: a\x00b',
  'X: a\x0bb',
  'X: a\x7fb',
  'X: a\rb',
  'X: a\nb',
  ' folded',
  '\tfolded',
  'X\x80: obs',
  `X-Long: ${'y'.repeat(300)}`,
];
const STATUS_LINES = [
  '200 OK',
  '200 OK',
  '200 ',
  '200',
  '404 Not Found',
  '204 No Content',
  '304 Not Modified',
  '101 Switching Protocols',
  '100 Continue',
  '103 Early Hints',
  '205 Reset Content',
  '599 \xe9\t',
  '600 x',
  '999',
];
const ODD_STATUS_LINES = [
  '099 x',
  '000',
  '20 OK',
  '2000 OK',
  'abc',
  '',
  '200\tOK',
  ' 200 OK',
  '200 a\x01',
  '200OK',
  '-20 OK',
];
const EXTENSIONS = ['', '', '', '', ';a', ';a=b', ';a="b;\\"\r'.slice(0, -1) + '"', ';a=b;c', ';a=""'];
const ODD_EXTENSIONS = [
  ' ',
  ';',
  ';=b',
  '; a',
  ';a =b',
  ';a="b',
  ';a=\n',
  ';a="\\\x01"',
  ';\r',
  ';a\n',
  `;${'e'.repeat(60)}`,
  ';a=b\rc',
  ';a="b"c',
];
const SPLICES = [
  '\r\n',
  '\r',
  '\n',
  '\r\n\r\n',
  '\n\n',
  '\0',
  ' ',
  '  ',
  '\t',
  ':',
  ',',
  ';',
  '=',
  '"',
  '\\',
  '#',
  '*',
  '@',
  '%',
  '0',
  '1',
  'f',
  'F',
  'ffffffffffffff',
  '1fffffffffffff',
  '20000000000000',
  '\x7f',
  '\x80',
  '\xff',
  '\x0b',
  'HTTP/1.1',
  'HTTP/',
  'chunked',
  'Host: a\r\n',
  'Content-Length: 5\r\n',
  'Transfer-Encoding: chunked\r\n',
  '0\r\n\r\n',
  '5\r\nhello\r\n',
  'GET / HTTP/1.1\r\n',
  '\r\n \r\n',
  '\r\nX:y',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  'A'.repeat(100),
];

export function generateRequest(random: Random): string {
  if (random.oneIn(400)) return 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n';
  const choose = (usual: readonly string[], odd: readonly string[], oddity: number) =>
    random.pick(random.oneIn(oddity) ? odd : usual);
  const leading = random.oneIn(20) ? random.pick(['\r\n', '\r\n\r\n', '\n', '\r']) : '';
  const line = [
    choose(METHODS, ODD_METHODS, 20),
    choose(TARGETS, ODD_TARGETS, 8),
    choose(VERSIONS, ODD_VERSIONS, 20),
  ].join(random.oneIn(60) ? '  ' : ' ');
  const lines = random.oneIn(30) ? [] : [`Host: ${choose(HOSTS, ODD_HOSTS, 10)}`];
  return `${leading}${line}\r\n${section(random, lines)}${tail(random)}`;
}

export function generateResponse(random: Random): string {
  const status = random.pick(random.oneIn(15) ? ODD_STATUS_LINES : STATUS_LINES);
  const version = random.oneIn(20) ? random.pick(ODD_VERSIONS) : random.pick(VERSIONS);
  const head = `${version} ${status}\r\n${section(random, [])}`;
  const lines = random.oneIn(4) ? head.replaceAll('\r\n', () => random.pick(['\n', '\n', '\r\n'])) : head;
  return `${random.oneIn(60) ? '\r\n' : ''}${lines}${tail(random)}`;
}

export function generateChunked(random: Random): string {
  let body = '';
  for (let i = random.below(5); i > 0; i--) {
    const size = random.pick([1, 2, 3, 9, 16, 17, 40]);
    const payload = Array.from({ length: size }, () =>
      random.pick(['x', '\r', '\n', '0', ';', '\0', '\xff']),
    ).join('');
    body += `${sizeLine(random, size)}\r\n${payload}\r\n`;
  }
  body += `${sizeLine(random, 0)}\r\n`;
  if (!random.oneIn(3)) return `${body}\r\n${tail(random)}`;
  return `${body}${section(random, [])}${tail(random)}`;
}

/** One to four small changes anywhere. */
export function mutate(random: Random, text: string): string {
  let changed = text;
  for (let i = 1 + random.below(4); i > 0; i--) {
    const at = random.below(changed.length + 1);
    const to = Math.min(changed.length, at + random.pick([0, 1, 1, 1, 2, 4, 16]));
    const middle = random.pick([
      random.pick(SPLICES),
      '',
      changed.slice(at, to) + changed.slice(at, to),
      String.fromCharCode(random.below(256)),
    ]);
    changed = changed.slice(0, at) + middle + changed.slice(to);
  }
  return random.oneIn(8) ? changed.slice(0, random.below(changed.length + 1)) : changed;
}

function section(random: Random, lines: string[]): string {
  for (let i = random.below(7); i > 0; i--) {
    const line = random.oneIn(25) ? random.pick(ODD_FIELDS) : random.pick(FIELDS);
    lines.splice(random.below(lines.length + 1), 0, line);
  }
  return `${lines.map((line) => `${line}\r\n`).join('')}\r\n`;
}

/** What follows a message on its connection must not affect it. */
function tail(random: Random): string {
  return random.pick(['', '', 'hello', 'GET / HTTP/1.1\r\nHost: b\r\n\r\n', '\r\n', '\0']);
}

function sizeLine(random: Random, size: number): string {
  const digits = random.pick([
    size.toString(16),
    size.toString(16).toUpperCase(),
    size.toString(16).padStart(3, '0'),
  ]);
  return digits + random.pick(random.oneIn(20) ? ODD_EXTENSIONS : EXTENSIONS);
}
