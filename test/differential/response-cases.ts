/**
 * Responses as services send them, valid and invalid, made from a seed. The grammar prefers known mistakes of real
 * servers, and the places where parsers disagree.
 */
import type { SeededRandom } from '@culvert/testkit';

export interface ResponseCase {
  readonly method: string;
  /** Bytes that the service sends, one character per byte. */
  readonly bytes: string;
  /** Positions at which the bytes are cut into writes. */
  readonly cuts: readonly number[];
  /** Whether the service closes its connection after them; otherwise it does so some time later. */
  readonly closes: boolean;
}

const METHODS = ['GET', 'GET', 'GET', 'GET', 'HEAD', 'DELETE', 'OPTIONS'];
const VERSIONS = ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'];
const ODD_VERSIONS = ['HTTP/1.2', 'HTTP/2.0', 'HTTP/0.9', 'http/1.1', 'HTTP/1.10', 'ICY'];
const STATUSES = ['200 OK', '200 OK', '200 OK', '201 Created', '404 Not Found', '500 Oops', '302 Found'];
const ODD_STATUSES = [
  '204 No Content',
  '204 No Content',
  '205 Reset Content',
  '304 Not Modified',
  '200',
  '200 ',
  '200 caf\xe9',
  '206 Partial Content',
  '600 Odd',
  '799 x',
  '999 Request denied',
  '099 x',
  '20 OK',
  '2000 OK',
  '200OK',
  ' 200 OK',
  '200  OK',
  'abc',
];
const FIELDS = [
  'X-A: 1',
  'X-B:2',
  'X-C:  \t spaces \t ',
  'X-Empty:',
  'X-Obs: caf\xe9',
  'Content-Type: text/plain',
  'Set-Cookie: a=b; Path=/',
  'Set-Cookie: c=d',
  'Link: </a>; rel=preload',
  'Keep-Alive: timeout=5, max=100',
  'Connection: keep-alive',
  'Connection: close',
  'Trailer: X-Sum',
  `X-Long: ${'l'.repeat(1500)}`,
];
const ODD_FIELDS = [
  'Connection: Keep-Alive; timeout=5',
  'Connection: "close"',
  'Connection: ,close,,',
  'Connection: X-A',
  'Connection: a b@',
  'Connection:',
  'X-Fold: a\r\n b',
  'X-Space : a',
  'X-Tab\t: a',
  ': empty',
  'no colon',
  'X(Y): a',
  'X_Under: a',
  'X-Nul: a\0b',
  'X-Bell: a\x07b',
  'X-Del: a\x7fb',
  'X-Cr: a\rb',
  'Content-Length: 3',
  'Content-Length: 7',
  'Content-Length: +5',
  'Content-Length: 5, 5',
  'Content-Length: 5 ',
  'Content-Length: 05',
  'Content-Length:',
  'Content-Length: -1',
  'Content-Length: 99999999999999999999',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: Chunked',
  'Transfer-Encoding: gzip, chunked',
  'Transfer-Encoding: identity',
  'Transfer-Encoding: chunked, chunked',
  'Transfer-Encoding:\tchunked',
  'Transfer-Encoding: xchunked',
  'Transfer-Encoding:',
  'Proxy-Connection: close',
];
const INTERIMS = [
  'HTTP/1.1 100 Continue\r\n\r\n',
  'HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n',
  'HTTP/1.1 102 Processing\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nContent-Length: 5\r\n\r\n',
  'HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n',
  'HTTP/1.1 103 Early Hints\nX-A: 1\n\n',
  'HTTP/1.0 100 Continue\r\n\r\n',
  'HTTP/1.1 101 Switching Protocols\r\n\r\n',
];
const BODIES = ['', 'hello', 'hello', 'a\r\n\r\nb', 'line\nline\n\nline', '0\r\n\r\n', 'x'.repeat(3000)];
const TAILS = [
  '',
  '',
  '',
  'HTTP/1.1 200 OK\r\nX-Evil: 1\r\nContent-Length: 4\r\n\r\nevil',
  'evil',
  '\r\n',
  '\0',
];
const CHUNK_ENDS = [
  '\r\n',
  '\r\n',
  '\r\n',
  '\r\n',
  '\n',
  ' \r\n',
  ';a=b\r\n',
  ';a="b"\r\n',
  '; a = b\r\n',
  ';\r\n',
  '\r',
];
const TRAILERS = [
  '',
  '',
  '',
  'X-Sum: 1\r\n',
  'X-Sum: 1\r\nContent-Length: 3\r\n',
  'X-Sum: 1\n',
  'X Sum: 1\r\n',
  'X-Sum\r\n',
];

export function makeResponseCase(random: SeededRandom): ResponseCase {
  const bytes = makeBytes(random);
  const cuts = random.oneIn(2) ? [] : [random.below(bytes.length), random.below(bytes.length)];
  return {
    method: random.pick(METHODS),
    bytes: random.oneIn(8) ? bytes.slice(0, random.below(bytes.length + 1)) : bytes,
    cuts: cuts.toSorted((a, b) => a - b),
    closes: !random.oneIn(6),
  };
}

function makeBytes(random: SeededRandom): string {
  const fields: string[] = [];
  for (let i = random.below(4); i > 0; i--) fields.push(random.pick(FIELDS));
  // Clients join repeated fields, each in its own way.
  fields.splice(0, fields.length, ...new Set(fields));
  if (random.oneIn(4)) fields.splice(random.below(fields.length + 1), 0, random.pick(ODD_FIELDS));
  const body = makeBody(random, fields);
  const version = random.oneIn(25) ? random.pick(ODD_VERSIONS) : random.pick(VERSIONS);
  const status = random.oneIn(4) ? random.pick(ODD_STATUSES) : random.pick(STATUSES);
  const head = [`${version} ${status}`, ...fields, '', ''].join('\r\n');
  const lines = random.oneIn(6) ? head.replaceAll('\r\n', () => random.pick(['\n', '\n', '\r\n'])) : head;
  let interims = '';
  while (random.oneIn(8)) interims += random.pick(INTERIMS);
  return `${random.oneIn(60) ? '\r\n' : ''}${interims}${lines}${body}${random.oneIn(5) ? random.pick(TAILS) : ''}`;
}

/** Returns a body, and adds the field that frames it. */
function makeBody(random: SeededRandom, fields: string[]): string {
  const body = random.pick(BODIES);
  const frame = (field: string): void => void fields.splice(random.below(fields.length + 1), 0, field);
  switch (random.below(5)) {
    case 0:
      return body;
    case 1:
    case 2: {
      const length = random.oneIn(6) ? random.pick([0, 1, body.length + 3]) : body.length;
      frame(`Content-Length: ${length}`);
      return body;
    }
    default:
      frame('Transfer-Encoding: chunked');
      return chunked(random, body);
  }
}

function chunked(random: SeededRandom, body: string): string {
  const lineEnd = (): string => (random.oneIn(4) ? random.pick(CHUNK_ENDS) : '\r\n');
  let text = '';
  for (let at = 0; at < body.length;) {
    const piece = body.slice(at, at + 1 + random.below(body.length));
    at += piece.length;
    const digits = random.pick([16, 16, 16, 10]);
    const size = piece.length.toString(digits).padStart(random.oneIn(8) ? 6 : 1, '0');
    text += `${random.oneIn(4) ? size.toUpperCase() : size}${lineEnd()}${piece}${random.oneIn(12) ? lineEnd() : '\r\n'}`;
  }
  const trailers = random.oneIn(3) ? random.pick(TRAILERS) : '';
  return `${text}0${random.oneIn(8) ? lineEnd() : '\r\n'}${trailers}${random.oneIn(12) ? '\n' : '\r\n'}`;
}
