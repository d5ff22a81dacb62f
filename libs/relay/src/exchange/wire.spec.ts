import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import net from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { StoreUnavailableError } from '@culvert/domain';
import { oddityCodes } from '@culvert/http1';
import { ResetCode, type Stream } from '@culvert/tunnel';
import { ALLOW, refuse as refuseWith, type Verdict } from '../routing/access-gate.js';
import type { RelayErrorCode } from '../answers/relay-error.js';
import { DEFAULT_RELAY_LIMITS, type RelayLimits } from '../limits.js';
import { hopMarkOf } from '../routing/hop-mark.js';
import { type Rig, startRig } from '../spec/relay-rig.js';
import type { Dialer } from '../upstream/stream-pool.js';
import { ExchangeTrace } from './exchange-trace.js';

/**
 * What crosses the relay, byte for byte: raw visitors on one side, a raw service that records on the other. Tables in
 * libs/http1 cover the syntax itself; these tests cover the effect on connections and streams.
 */
let rig: Rig;
afterEach(async () => rig.stop());

/** A visitor's connection, as text of one character per byte. */
class RawVisitor {
  received = '';
  /** An error means that the connection was reset. */
  readonly closed: Promise<Error | null>;
  private readonly changed = new Set<() => void>();

  private constructor(readonly socket: net.Socket) {
    let failure: Error | null = null;
    socket.on('data', (chunk: Buffer) => {
      this.received += chunk.toString('latin1');
      for (const tell of this.changed) tell();
    });
    socket.on('error', (error) => (failure = error));
    this.closed = new Promise((resolve) =>
      socket.once('close', () => {
        resolve(failure);
        for (const tell of this.changed) tell();
      }),
    );
  }

  static async connect(port: number): Promise<RawVisitor> {
    const socket = net.connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    await once(socket, 'connect');
    return new RawVisitor(socket);
  }

  send(bytes: string): void {
    this.socket.write(bytes, 'latin1');
  }

  /** Waits for `pattern` in what was received; rejects when the connection ends without it. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.received)) {
      if (this.socket.closed) throw new Error(`ended with ${JSON.stringify(this.received)}`);
      await new Promise<void>((resolve) => {
        const tell = (): void => {
          this.changed.delete(tell);
          resolve();
        };
        this.changed.add(tell);
      });
    }
    return this.received;
  }
}

/** Sends `bytes`, keeps its own side open and returns all that comes until the relay ends the connection. */
async function converse(bytes: string): Promise<string> {
  const visitor = await RawVisitor.connect(rig.port);
  visitor.send(bytes);
  await once(visitor.socket, 'end');
  visitor.socket.end();
  expect(await visitor.closed).toBeNull();
  return visitor.received;
}

/** A service that records every byte of every connection and answers each request that is complete. */
class Recorder {
  readonly connections: string[] = [];
  readonly ended = new Set<number>();

  constructor(private readonly answer: string | ((connection: string) => string) = OK) {}

  readonly handle = (socket: net.Socket): void => {
    const index = this.connections.push('') - 1;
    let answered = 0;
    socket.on('data', (chunk: Buffer) => {
      this.connections[index] += chunk.toString('latin1');
      const requests = completeRequests(this.connections[index]);
      for (; answered < requests; answered++) {
        const bytes = typeof this.answer === 'string' ? this.answer : this.answer(this.connections[index]);
        socket.write(bytes, 'latin1');
      }
    });
    socket.on('close', () => this.ended.add(index));
    socket.on('end', () => socket.end());
  };

  get bytes(): string {
    return this.connections.join('');
  }
}

/** Resolves when the relay has closed the connection, or its half of it. */
async function closing(socket: net.Socket): Promise<void> {
  socket.on('end', () => socket.end());
  await once(socket, 'close');
}

/** Enough framing for what these tests send: heads, lengths and the last chunk. */
function completeRequests(text: string): number {
  let count = 0;
  let rest = text;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return count;
    const head = rest.slice(0, end + 4);
    let length = end + 4 + Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? 0);
    if (/\r\ntransfer-encoding: chunked/i.test(head)) {
      const last = /(?:^|\r\n)0\r\n(?:[^\r\n]+\r\n)*\r\n/.exec(rest.slice(end + 4));
      if (!last) return count;
      length = end + 4 + last.index + last[0].length;
    }
    if (rest.length < length) return count;
    rest = rest.slice(length);
    count++;
  }
}

const HOST = 'Host: demo.preview.test\r\n';
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';
const LAST = `GET /last HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`;
const get = (target: string, fields = ''): string => `GET ${target} HTTP/1.1\r\n${HOST}${fields}\r\n`;
const chunked = (body: string): string =>
  `POST /chunked HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n${body}`;

const record = async (recorder: Recorder, limits: Partial<RelayLimits> = {}): Promise<void> => {
  rig = await startRig(null, { serve: recorder.handle, limits });
};

// --- Requests that are refused ------------------------------------------------------------------------------

const HEAD_FAULTS: readonly (readonly [code: string, status: number, bytes: string])[] = [
  ['BARE_CR', 400, get('/', 'X: a\rb\r\n')],
  ['BARE_LF', 400, get('/', 'X: a\nY: b\r\n')],
  ['BARE_LF', 400, 'GET / HTTP/1.1\nHost: demo.preview.test\n\n'],
  ['CONTROL_CHARACTER', 400, get('/', 'X: a\0b\r\n')],
  ['OBS_FOLD', 400, get('/', 'X: a\r\n b\r\n')],
  ['BAD_START_LINE', 400, `GET /\r\n${HOST}\r\n`],
  ['BAD_START_LINE', 400, `GET  / HTTP/1.1\r\n${HOST}\r\n`],
  ['BAD_METHOD', 400, `G(T / HTTP/1.1\r\n${HOST}\r\n`],
  ['METHOD_TOO_LONG', 501, `${'A'.repeat(33)} / HTTP/1.1\r\n${HOST}\r\n`],
  ['CONNECT_METHOD', 501, `CONNECT a:443 HTTP/1.1\r\n${HOST}\r\n`],
  ['BAD_TARGET', 400, get('/a#b')],
  ['BAD_TARGET', 400, get('*')],
  ['START_LINE_TOO_LONG', 414, get(`/${'a'.repeat(DEFAULT_RELAY_LIMITS.head.maxTargetBytes)}`)],
  ['UNSUPPORTED_VERSION', 505, `GET / HTTP/2.0\r\n${HOST}\r\n`],
  ['HTTP2_PREFACE', 505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['HEAD_TOO_LARGE', 431, get('/', `X: ${'a'.repeat(DEFAULT_RELAY_LIMITS.head.maxHeadBytes)}\r\n`)],
  ['TOO_MANY_FIELDS', 431, get('/', 'X: y\r\n'.repeat(DEFAULT_RELAY_LIMITS.head.maxFieldCount))],
  ['EMPTY_FIELD_NAME', 400, get('/', ': a\r\n')],
  ['BAD_FIELD_NAME', 400, get('/', 'X(y): a\r\n')],
  ['WHITESPACE_BEFORE_COLON', 400, get('/', 'Content-Length : 5\r\n')],
  ['MISSING_HOST', 400, 'GET / HTTP/1.1\r\n\r\n'],
  ['MISSING_HOST', 400, 'GET / HTTP/1.0\r\n\r\n'],
  ['REPEATED_HOST', 400, get('/', HOST)],
  ['BAD_HOST', 400, 'GET / HTTP/1.1\r\nHost: demo.preview.test, evil\r\n\r\n'],
  ['HOST_MISMATCH', 400, get('http://evil/')],
  ['BAD_CONTENT_LENGTH', 400, get('/', 'Content-Length: +5\r\n')],
  ['REPEATED_CONTENT_LENGTH', 400, get('/', 'Content-Length: 5\r\nContent-Length: 6\r\n')],
  [
    'CONTENT_LENGTH_WITH_TRANSFER_ENCODING',
    400,
    get('/', 'Content-Length: 5\r\nTransfer-Encoding: chunked\r\n'),
  ],
  ['BAD_TRANSFER_ENCODING', 400, get('/', 'Transfer-Encoding: identity\r\n')],
  ['REPEATED_TRANSFER_ENCODING', 400, get('/', 'Transfer-Encoding: chunked\r\n'.repeat(2))],
  ['UNSUPPORTED_TRANSFER_CODING', 501, get('/', 'Transfer-Encoding: gzip, chunked\r\n')],
  ['TRANSFER_ENCODING_IN_HTTP10', 400, `GET / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n`],
  ['BAD_CONNECTION', 400, get('/', 'Connection: x-a b\r\nX-A: 1\r\n')],
  ['EXPECTATION_FAILED', 417, get('/', 'Content-Length: 5\r\nExpect: something\r\n')],
];

const BODY_FAULTS: readonly (readonly [code: string, status: number, body: string])[] = [
  ['BAD_CHUNK_SIZE', 400, '0x1\r\nx\r\n'],
  ['BARE_LF', 400, '1\nx\r\n'],
  ['BARE_CR', 400, '1\rx\r\n'],
  ['BAD_CHUNK_EXTENSION', 400, '1;=b\r\nx\r\n'],
  ['CHUNK_EXTENSIONS_TOO_LARGE', 413, `1;${'a'.repeat(65_536)}\r\nx\r\n`],
  ['BAD_CHUNK_END', 400, '1\r\nxy\r\n'],
  ['TRAILERS_TOO_LARGE', 431, `0\r\nX: ${'y'.repeat(65_536)}\r\n`],
  ['TOO_MANY_FIELDS', 431, `0\r\n${'X: y\r\n'.repeat(100)}`],
  ['OBS_FOLD', 400, '0\r\nX: a\r\n b\r\n'],
  ['BAD_FIELD_NAME', 400, '0\r\nX\r\n'],
  ['CONTROL_CHARACTER', 400, '0\r\nX: \0\r\n'],
];

/** A parser that continues after the fault would read this as a request. */
const HIDDEN = `\r\n0\r\n\r\n${get('/hidden')}`;

describe('a request that is refused', () => {
  it('is tested for every code of docs/http1.md', () => {
    const page = readFileSync(new URL('../../../../docs/http1.md', import.meta.url), 'utf8');
    const documented = [...page.matchAll(/^\| `([A-Z0-9_]+)` \| (\d{3}) \|/gm)].map(
      ([, code, status]) => `${code} ${status}`,
    );
    const tested = new Set([...HEAD_FAULTS, ...BODY_FAULTS].map(([code, status]) => `${code} ${status}`));
    const ofResponses = ['BAD_STATUS 400'];
    expect(documented.length).toBeGreaterThan(30);
    expect([...tested, ...ofResponses].toSorted()).toEqual(documented.toSorted());
    // `afterEach` stops a rig.
    return record(new Recorder());
  });

  it('is answered with its status; neither it nor later bytes reach the service', async () => {
    const recorder = new Recorder();
    await record(recorder);
    for (const [code, status, bytes] of HEAD_FAULTS) {
      const received = await converse(bytes + HIDDEN);
      expect(received, code).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*\r\nConnection: close\r\n`));
      expect(received.match(/HTTP\/1\.1 /g), code).toHaveLength(1);
      expect(received, code).toMatch(/\r\nX-Culvert-Error: bad_request\r\n/);
      expect(received, code).toContain(`(${code})`);
    }
    expect(recorder.bytes).toBe('');
  });

  it('leaves answers to earlier requests intact, and serves no later request', async () => {
    const recorder = new Recorder();
    await record(recorder);
    for (const [code, status, bytes] of HEAD_FAULTS) {
      const received = await converse(get('/before') + bytes + HIDDEN);
      expect(received.match(/HTTP\/1\.1 \d+/g), code).toEqual(['HTTP/1.1 200', `HTTP/1.1 ${status}`]);
    }
    expect(recorder.bytes.match(/\/before/g)).toHaveLength(HEAD_FAULTS.length);
    expect(recorder.bytes).not.toMatch(/hidden/);
    expect(completeRequests(recorder.bytes)).toBe(HEAD_FAULTS.length);
  });

  it('ends the stream when the fault is in its body, so that the service sees no whole request', async () => {
    const recorder = new Recorder();
    await record(recorder);
    for (const [code, status, body] of BODY_FAULTS) {
      for (const bytes of [body, `3\r\nabc\r\n${body}`]) {
        const received = await converse(chunked(bytes) + HIDDEN);
        expect(received, code).toMatch(
          new RegExp(`^HTTP/1\\.1 ${status} [\\s\\S]*\r\nConnection: close\r\n`),
        );
        expect(received.match(/HTTP\/1\.1 /g), code).toHaveLength(1);
      }
    }
    await expect.poll(() => recorder.ended.size).toBe(recorder.connections.length);
    for (const bytes of recorder.connections) expect(completeRequests(bytes)).toBe(0);
    expect(recorder.bytes).not.toMatch(/hidden/);
    expect(rig.route.active).toBe(0);
  });
});

// --- What passes --------------------------------------------------------------------------------------------

describe('a request', () => {
  it('is read the same however its bytes are split', async () => {
    const recorder = new Recorder();
    await record(recorder);
    const text =
      `POST /%2e%2e//?a=b HTTP/1.1\r\n${HOST}Connection: keep-alive, X-Hop\r\nX-Hop: gone\r\nX-Kept: a, b\r\n` +
      'Transfer-Encoding: chunked\r\n\r\n3;ext="v"\r\nabc\r\n1\r\nd\r\n0\r\nX-Sum: 1\r\n\r\n';
    const send = async (pieces: readonly string[]): Promise<string> => {
      const before = recorder.bytes.length;
      const visitor = await RawVisitor.connect(rig.port);
      let sent = rig.relay.counters.bytesIn;
      for (const piece of pieces) {
        visitor.send(piece);
        sent += piece.length;
        // The next piece goes out only when the relay has read this one.
        while (rig.relay.counters.bytesIn < sent) await new Promise(setImmediate);
      }
      expect(await visitor.until(/ok$/)).toBe(OK);
      visitor.socket.destroy();
      return recorder.bytes.slice(before);
    };
    const whole = await send([text]);
    expect(whole).toMatch(/^POST \/%2e%2e\/\/\?a=b HTTP\/1\.1\r\n/);
    expect(whole).toMatch(/\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\nX-Sum: 1\r\n\r\n$/);
    expect(whole).not.toMatch(/X-Hop/i);
    for (let at = 1; at < text.length; at++) {
      expect(await send([text.slice(0, at), text.slice(at)]), `cut at ${at}`).toBe(whole);
    }
    expect(await send(text.split('')), 'byte by byte').toBe(whole);
  });

  it.each([
    '//a',
    '/a/../b',
    '/%2e%2e',
    '/?',
    '/??a=/../b',
    '/a//b/./c',
    '/%00%ff%2F',
    '/a;b=c:d@e',
    '/"<>\\^`{|}',
    `/${'long/'.repeat(1600)}`,
    '/%zz%',
  ])('keeps the target %s', async (target) => {
    const recorder = new Recorder();
    await record(recorder);
    expect(await converse(get(target, 'Connection: close\r\n'))).toMatch(/^HTTP\/1\.1 200 /);
    expect(recorder.bytes.split(' ', 2)[1]).toBe(target);
  });

  it('keeps values with bytes outside of ASCII, both ways', async () => {
    let bytes = '';
    for (let byte = 0x80; byte <= 0xff; byte++) bytes += String.fromCharCode(byte);
    const recorder = new Recorder(`HTTP/1.1 200 OK\r\nX-Bytes: ${bytes}\r\nContent-Length: 0\r\n\r\n`);
    await record(recorder);
    const received = await converse(get('/', `X-Bytes: ${bytes}\r\nConnection: close\r\n`));
    expect(recorder.bytes).toContain(`\r\nX-Bytes: ${bytes}\r\n`);
    expect(received).toContain(`\r\nX-Bytes: ${bytes}\r\n`);
  });

  it('keeps repeated fields in their order, in heads in both directions', async () => {
    const lines = 'Set-Cookie: a=1\r\nset-cookie: b=2\r\nX-Twice: 1\r\nSet-Cookie: a=1\r\nX-Twice: 1\r\n';
    const recorder = new Recorder(`HTTP/1.1 200 OK\r\n${lines}Content-Length: 0\r\n\r\n`);
    await record(recorder);
    const received = await converse(get('/', `${lines}Connection: close\r\n`));
    expect(recorder.bytes).toContain(lines);
    expect(received).toContain(lines);
  });

  it('loses the fields that Connection names, in both directions', async () => {
    const recorder = new Recorder(
      'HTTP/1.1 200 OK\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-Kept: 1\r\n' +
        'Content-Length: 2\r\n\r\nok',
    );
    await record(recorder);
    const received = await converse(get('/', 'Connection: close\r\n'));
    expect(received).toMatch(/X-Kept: 1/);
    expect(received).not.toMatch(/X-Hop|Keep-Alive/i);
    expect(received.match(/\r\nConnection: /gi)).toHaveLength(1);
  });

  it('may have a Connection field that is not a list of tokens, which does not reach the service', async () => {
    const recorder = new Recorder();
    await record(recorder);
    const fields = 'Connection: Keep-Alive; timeout=5\r\nKeep-Alive: timeout=5\r\nX-Kept: 1\r\n';
    expect(await converse(get('/', fields) + LAST)).toMatch(/^HTTP\/1\.1 200 [\s\S]*HTTP\/1\.1 200 /);
    expect(recorder.bytes).toMatch(/\r\nX-Kept: 1\r\n/);
    expect(recorder.bytes).not.toMatch(/Keep-Alive/i);
  });

  it('keeps its framing fields when Connection names them', async () => {
    const recorder = new Recorder();
    await record(recorder);
    const fields = 'Content-Length: 4\r\nConnection: close, Content-Length, Host, Transfer-Encoding\r\n';
    expect(await converse(`POST / HTTP/1.1\r\n${HOST}${fields}\r\nbody`)).toMatch(/^HTTP\/1\.1 200 /);
    expect(recorder.bytes).toMatch(/\r\nContent-Length: 4\r\n(.+\r\n)*\r\nbody$/);
    expect(recorder.bytes.match(/\r\nHost: /g)).toHaveLength(1);
  });
});

describe('a request that is repeated', () => {
  it('reaches the service unchanged each time, with the body that follows it', async () => {
    const recorder = new Recorder();
    await record(recorder);
    const post = (body: string): string =>
      `POST /x HTTP/1.1\r\n${HOST}Cookie: a=1; culvert-preview=secret; b=2\r\nContent-Length: 4\r\n\r\n${body}`;
    const bodies = ['one1', 'two2', 'thr3', 'fou4', 'fiv5', 'six6'];
    const visitor = await RawVisitor.connect(rig.port);
    for (const body of bodies) {
      visitor.received = '';
      visitor.send(post(body));
      await visitor.until(/ok$/);
    }
    visitor.send(LAST);
    await once(visitor.socket, 'end');
    visitor.socket.destroy();
    const requests = recorder.bytes.split(/(?=POST |GET )/);
    const heads = new Set(requests.slice(0, -1).map((request) => request.slice(0, -4)));
    expect([...heads]).toEqual([expect.stringMatching(/\r\nCookie: a=1; b=2\r\n/)]);
    expect(requests.slice(0, -1).map((request) => request.slice(-4))).toEqual(bodies);
    expect(requests.at(-1)).toMatch(/^GET \/last /);
  });

  it.each([[1000], [7], [get('/poll').length]])('is found in a pipeline cut into %i bytes', async (size) => {
    const recorder = new Recorder();
    await record(recorder);
    const text = get('/poll').repeat(5) + get('/other') + get('/poll').repeat(2) + LAST;
    const visitor = await RawVisitor.connect(rig.port);
    for (let at = 0; at < text.length; at += size) visitor.send(text.slice(at, at + size));
    await once(visitor.socket, 'end');
    visitor.socket.destroy();
    const targets = [...recorder.bytes.matchAll(/^GET (\S+) /gm)].map((match) => match[1]);
    const polls = (count: number): string[] => Array.from({ length: count }, () => '/poll');
    expect(targets).toEqual([...polls(5), '/other', ...polls(2), '/last']);
  });
});

describe('a response', () => {
  it('is read the same however its bytes are split', async () => {
    const text =
      'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 Fine\r\nX-Kept: a\r\n' +
      'Transfer-Encoding: chunked\r\n\r\n3;ext=1\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n';
    let cut = 0;
    let connections = 0;
    rig = await startRig(null, {
      serve: (socket) => {
        connections++;
        socket.setNoDelay(true);
        socket.on('data', () => {
          const at = cut;
          socket.write(text.slice(0, at), () => setTimeout(() => socket.write(text.slice(at)), 1));
        });
      },
    });
    const visitor = await RawVisitor.connect(rig.port);
    for (cut = 0; cut < text.length; cut++) {
      visitor.received = '';
      visitor.send(get('/'));
      expect(await visitor.until(/\r\n0\r\n(X-Sum: 1\r\n)?\r\n$/), `cut at ${cut}`).toBe(
        'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 Fine\r\nX-Kept: a\r\n' +
          'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 1\r\n\r\n',
      );
    }
    visitor.socket.destroy();
    // Each one ended cleanly, so all took the same stream.
    expect(connections).toBe(1);
  });

  // A head that a service repeats is read once and recognized by its bytes from then on.
  it.each([
    ['a length', 'Connection: keep-alive\r\nETag: "e"\r\nContent-Length: 2\r\n\r\nok'],
    ['no length', 'Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n'],
    ['a cookie for all previews', 'Set-Cookie: a=b; Domain=preview.test\r\nContent-Length: 2\r\n\r\nok'],
  ])('with %s is the same for every visitor however often its head is repeated', async (_what, rest) => {
    await record(new Recorder(`HTTP/1.1 200 OK\r\n${rest}`));
    const requests = [
      get('/'),
      get('/', 'Connection: close\r\n'),
      `HEAD / HTTP/1.1\r\n${HOST}\r\n${LAST}`,
      `GET / HTTP/1.0\r\n${HOST}\r\n`,
    ];
    const answers = async (): Promise<string[]> => {
      const received: string[] = [];
      for (const request of requests)
        received.push(await converse(request === get('/') ? get('/') + LAST : request));
      return received;
    };
    const first = await answers();
    for (let i = 0; i < 5; i++) expect(await answers()).toEqual(first);
    expect(rig.route.repeated.head).not.toBeNull();
    expect(first.join('')).not.toMatch(/Domain=/);
  });

  it('keeps the length of the absent body when it answers HEAD', async () => {
    const recorder = new Recorder('HTTP/1.1 200 OK\r\nContent-Length: 12345\r\nETag: "e"\r\n\r\n');
    await record(recorder);
    const received = await converse(
      `HEAD / HTTP/1.1\r\n${HOST}\r\nHEAD / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
    );
    expect(received.match(/Content-Length: 12345\r\n/g)).toHaveLength(2);
    expect(received).toMatch(/\r\n\r\n$/);
    expect(recorder.connections).toHaveLength(1);
  });

  it('cannot set fields of the edge, not even in interim heads or trailers', async () => {
    const forged =
      'X-Culvert-Error: forged\r\nProxy-Status: culvert; error=forged\r\nx_culvert_error: forged\r\n';
    const recorder = new Recorder(
      `HTTP/1.1 103 Early Hints\r\n${forged}\r\nHTTP/1.1 502 Bad Gateway\r\n${forged}` +
        `Transfer-Encoding: chunked\r\n\r\n0\r\n${forged}X-Sum: 1\r\n\r\n`,
    );
    await record(recorder);
    const received = await converse(get('/', 'TE: trailers\r\nConnection: close, TE\r\n'));
    expect(received).toMatch(/HTTP\/1\.1 502 Bad Gateway[\s\S]*X-Sum: 1/);
    expect(received).not.toMatch(/forged/);
  });
});

// CGI scripts print their heads with LF, and busybox httpd and Python's http.server pass them on as they are.
describe('a response whose lines end with LF alone', () => {
  it.each([
    ['of a length', 'HTTP/1.1 200 OK\nContent-Type: text/plain\nContent-Length: 8\n\na\r\n\r\nb\n\n'],
    ['until the end', 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\n\na\r\n\r\nb\n\n'],
  ])(
    'reaches the visitor with CRLF, body untouched, however its bytes are cut: %s',
    async (_what, response) => {
      for (let cut = 0; cut < response.length; cut++) {
        rig = await startRig(null, {
          serve: (socket) => {
            socket.setNoDelay(true);
            socket.once('data', () => {
              socket.write(response.slice(0, cut), () => setImmediate(() => socket.end(response.slice(cut))));
            });
          },
        });
        const received = await converse(get('/', 'Connection: close\r\n'));
        expect(received).toMatch(/^HTTP\/1\.1 200 OK\r\nContent-Type: text\/plain\r\n[^\n]*\r\n/);
        const body = received.slice(received.indexOf('\r\n\r\n') + 4);
        const isChunked = received.includes('Transfer-Encoding: chunked');
        const decoded = isChunked ? body.replaceAll(/(?:^|\r\n)[1-9a-f]\r\n|\r\n0\r\n\r\n$/g, '') : body;
        expect(decoded, `cut at ${cut}`).toBe('a\r\n\r\nb\n\n');
        await rig.stop();
      }
    },
  );
});

// Django's runserver, Tornado and wsgiref announce a body with 204; nginx and Node deliver it, and so do browsers.
describe('a response whose status allows no body', () => {
  it.each([
    ['204', 'Content-Length: 21', ''],
    ['204', 'Content-Length: 0', ''],
    ['204', 'Transfer-Encoding: chunked', ''],
    ['205', 'Content-Length: 21', 'Content-Length: 0\r\n'],
    ['205', 'Transfer-Encoding: chunked', 'Content-Length: 0\r\n'],
    ['205', 'X-Kept: 2', 'X-Kept: 2\r\nContent-Length: 0\r\n'],
  ])('reaches the visitor as %s without %s', async (status, line, kept) => {
    await record(new Recorder(`HTTP/1.1 ${status} x\r\nX-Kept: 1\r\n${line}\r\n\r\n`));
    const visitor = await RawVisitor.connect(rig.port);
    visitor.send(`DELETE / HTTP/1.1\r\n${HOST}\r\n`);
    expect(await visitor.until(/\r\n\r\n/)).toBe(`HTTP/1.1 ${status} x\r\nX-Kept: 1\r\n${kept}\r\n`);
    visitor.socket.destroy();
  });

  it.each([
    ['1xx', 'HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n', 'HTTP/1.1 100 Continue\r\n\r\n'],
    [
      'a chunked 1xx',
      'HTTP/1.1 103 x\r\nLink: </a>\r\nTransfer-Encoding: chunked\r\n\r\n',
      'HTTP/1.1 103 x\r\nLink: </a>\r\n\r\n',
    ],
  ])('follows an interim response, which loses its framing fields: %s', async (_what, sent, received) => {
    await record(new Recorder(sent + OK));
    const visitor = await RawVisitor.connect(rig.port);
    visitor.send(get('/'));
    expect(await visitor.until(/ok$/)).toBe(received + OK);
    visitor.socket.destroy();
  });

  it.each([
    [
      '204 with a length',
      'HTTP/1.1 204 x\r\nContent-Length: 4\r\n\r\nevil',
      ['BODY_NOT_ALLOWED', 'UNEXPECTED_BYTES'],
    ],
    ['100 with a length', `HTTP/1.1 100 x\r\nContent-Length: 4\r\n\r\n${OK}`, ['BODY_NOT_ALLOWED']],
    ['304 with a body', 'HTTP/1.1 304 x\r\nContent-Length: 4\r\n\r\nevil', ['UNEXPECTED_BYTES']],
    ['304 with the length of what it is about', 'HTTP/1.1 304 x\r\nContent-Length: 4\r\n\r\n', []],
    [
      'chunks in HTTP/1.0',
      'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
      ['TRANSFER_ENCODING_IN_HTTP10'],
    ],
    ['lines that end with LF', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok', ['BARE_LF']],
    ['an ordinary response', OK, []],
  ])('reports its oddity to observers: %s', async (_what, response, codes) => {
    await record(new Recorder(response));
    const noted: string[][] = [];
    rig.relay.observers.set(rig.route.id, {
      begin: (exchange) => new ExchangeTrace(exchange, rig.relay.observers.get(rig.route.id)!, null, null),
      answered: () => {},
      trailed: () => {},
      readerFailed: (error: unknown) => expect.unreachable(String(error)),
      end: (trace) => noted.push(oddityCodes(trace.oddities)),
    });
    await converse(get('/', 'Connection: close\r\n'));
    expect(noted).toEqual([codes]);
  });
});

// --- Responses that are wrong -------------------------------------------------------------------------------

type Outcome = 'answered' | 'refused';

const EVIL = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil';
const ok = (fields: string, body = ''): string => `HTTP/1.1 200 OK\r\n${fields}\r\n${body}`;

const BAD_RESPONSES: readonly (readonly [what: string, method: string, outcome: Outcome, bytes: string])[] = [
  ['an empty line first', 'GET', 'refused', `\r\n${OK}`],
  ['no HTTP', 'GET', 'refused', 'SSH-2.0-OpenSSH\r\n\r\n'],
  [
    'a Connection with a parameter',
    'GET',
    'answered',
    ok('Connection: Keep-Alive; timeout=5\r\nContent-Length: 2\r\n', 'ok'),
  ],
  ['bare LFs', 'GET', 'answered', 'HTTP/1.1 200 OK\nContent-Length: 2\n\nok'],
  ['bare LFs and a second response', 'GET', 'answered', `HTTP/1.1 200 OK\nContent-Length: 2\n\nok${EVIL}`],
  ['an LF before the status line', 'GET', 'refused', `\n${OK}`],
  ['a bare CR', 'GET', 'refused', ok('X: a\rb\r\n')],
  ['NUL', 'GET', 'refused', ok('X: \0\r\n')],
  ['a folded line', 'GET', 'refused', ok('X: a\r\n b\r\n')],
  ['whitespace before the colon', 'GET', 'refused', ok('Content-Length : 2\r\n', 'ok')],
  ['status 099', 'GET', 'refused', 'HTTP/1.1 099 x\r\n\r\n'],
  ['HTTP/2.0', 'GET', 'refused', 'HTTP/2.0 200 OK\r\n\r\n'],
  ['two lengths', 'GET', 'refused', ok('Content-Length: 2\r\nContent-Length: 2\r\n', 'ok')],
  ['a list of lengths', 'GET', 'refused', ok('Content-Length: 2, 2\r\n', 'ok')],
  ['a signed length', 'GET', 'refused', ok('Content-Length: +2\r\n', 'ok')],
  [
    'a length and chunks',
    'GET',
    'refused',
    ok('Content-Length: 2\r\nTransfer-Encoding: chunked\r\n', '0\r\n\r\n'),
  ],
  [
    'chunked in two fields',
    'GET',
    'answered',
    ok('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n', `0\r\n\r\n${EVIL}`),
  ],
  [
    'identity and a length',
    'GET',
    'refused',
    ok('Transfer-Encoding: identity\r\nContent-Length: 2\r\n', 'ok'),
  ],
  ['another coding', 'GET', 'refused', ok('Transfer-Encoding: gzip, chunked\r\n')],
  ['chunked twice', 'GET', 'refused', ok('Transfer-Encoding: chunked, chunked\r\n')],
  [
    'chunks in HTTP/1.0',
    'GET',
    'answered',
    `HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n${EVIL}`,
  ],
  ['a head without end', 'GET', 'refused', ok(`X: ${'a'.repeat(40_000)}`)],
  ['too many fields', 'GET', 'refused', ok('X: y\r\n'.repeat(200))],
  ['a 204 with a length', 'GET', 'answered', 'HTTP/1.1 204 No Content\r\nContent-Length: 4\r\n\r\nevil'],
  ['a 204 that lacks its body', 'GET', 'answered', 'HTTP/1.1 204 No Content\r\nContent-Length: 21\r\n\r\n'],
  [
    'a chunked 204',
    'GET',
    'answered',
    'HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n0\r\n\r\n',
  ],
  ['a 205 with a length', 'GET', 'answered', 'HTTP/1.1 205 x\r\nContent-Length: 4\r\n\r\nevil'],
  ['a 205 without one', 'GET', 'answered', 'HTTP/1.1 205 x\r\n\r\nevil'],
  ['a 205 and a second response', 'GET', 'answered', `HTTP/1.1 205 x\r\nContent-Length: 0\r\n\r\n${EVIL}`],
  ['a chunked 304', 'GET', 'answered', `HTTP/1.1 304 x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nevil\r\n`],
  ['a 100 with a length', 'GET', 'answered', `HTTP/1.1 100 x\r\nContent-Length: 4\r\n\r\n${OK}`],
  ['a chunked 103', 'GET', 'answered', `HTTP/1.1 103 x\r\nTransfer-Encoding: chunked\r\n\r\n${OK}`],
  ['a 103 with a body', 'GET', 'refused', `HTTP/1.1 103 x\r\nContent-Length: 4\r\n\r\nevil${OK}`],
  ['a 101 unasked', 'GET', 'refused', 'HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'],
  ['interim heads without end', 'GET', 'refused', 'HTTP/1.1 103 x\r\n\r\n'.repeat(100)],
  [
    'a malformed chunk size',
    'GET',
    'refused',
    ok('Transfer-Encoding: chunked\r\n', '0x2\r\nok\r\n0\r\n\r\n'),
  ],
  [
    'a chunk that ends too late',
    'GET',
    'refused',
    ok('Transfer-Encoding: chunked\r\n', '1\r\nok\r\n0\r\n\r\n'),
  ],
  [
    'a chunk line that ends with LF',
    'GET',
    'refused',
    ok('Transfer-Encoding: chunked\r\n', '2\nok\r\n0\r\n\r\n'),
  ],
  ['a malformed trailer', 'GET', 'refused', ok('Transfer-Encoding: chunked\r\n', '0\r\nX : y\r\n\r\n')],
  ['a body after 204', 'GET', 'answered', 'HTTP/1.1 204 No Content\r\n\r\nevil'],
  ['a body after 304', 'GET', 'answered', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 4\r\n\r\nevil'],
  ['a body after HEAD', 'HEAD', 'answered', ok('Content-Length: 4\r\n', 'evil')],
  [
    'a chunked body after HEAD',
    'HEAD',
    'answered',
    ok('Transfer-Encoding: chunked\r\n', '4\r\nevil\r\n0\r\n\r\n'),
  ],
  ['a second response', 'GET', 'answered', OK + EVIL],
  ['more than its length', 'GET', 'answered', ok('Content-Length: 2\r\n', 'okevil')],
  [
    'bytes behind the last chunk',
    'GET',
    'answered',
    ok('Transfer-Encoding: chunked\r\n', `0\r\n\r\n${EVIL}`),
  ],
];

describe('a response that is unusual', () => {
  it.each([600, 799, 999])('for its status %i is passed on, and its stream is used again', async (status) => {
    const recorder = new Recorder(`HTTP/1.1 ${status} x\r\nContent-Length: 2\r\n\r\nok`);
    await record(recorder);
    expect(await converse(get('/') + LAST)).toMatch(
      new RegExp(`^HTTP/1\\.1 ${status} x\r\n[\\s\\S]*\r\n\r\nokHTTP/1\\.1 ${status} x\r\n`),
    );
    expect(recorder.connections).toHaveLength(1);
  });

  it('for chunks in HTTP/1.0 is passed on as HTTP/1.1, and to HTTP/1.0 without its chunks', async () => {
    await record(
      new Recorder('HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n'),
    );
    expect(await converse(LAST)).toMatch(
      /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\n2\r\nok\r\n0\r\nX-Sum: 1\r\n\r\n$/,
    );
    expect(await converse(`GET / HTTP/1.0\r\n${HOST}\r\n`)).toMatch(
      /^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nok$/,
    );
  });
});

describe('a response that breaks the rules', () => {
  it('never reaches the next visitor: its stream is reset and not used again', async () => {
    let bytes = '';
    const closed: Promise<unknown>[] = [];
    const requests: string[] = [];
    rig = await startRig(null, {
      serve: (socket) => {
        closed.push(closing(socket));
        const index = requests.push('') - 1;
        socket.on('data', (chunk: Buffer) => {
          requests[index] += chunk.toString('latin1');
          const isBad = chunk.includes('/bad');
          // An honest service would close here; this one keeps its connection, hoping for another request.
          socket.write(isBad ? bytes : OK, 'latin1');
        });
      },
    });
    for (const [what, method, outcome, response] of BAD_RESPONSES) {
      bytes = response;
      const target = `/bad/${what.replaceAll(' ', '-')}`;
      const bad = await RawVisitor.connect(rig.port);
      bad.send(`${method} ${target} HTTP/1.1\r\n${HOST}\r\n`);
      expect(await outcomeOf(bad), what).toBe(outcome);
      const next = await converse(get('/next', 'Connection: close\r\n'));
      expect(next, what).toMatch(/^HTTP\/1\.1 200 OK\r\n[\s\S]*\r\n\r\nok$/);
      const used = requests.findIndex((text) => text.includes(target));
      await closed[used];
      expect(completeRequests(requests[used].slice(requests[used].indexOf(target))), what).toBe(1);
    }
    expect(rig.route.active).toBe(0);
  });

  it.each([
    ['a malformed chunk size', '0x2\r\nevil\r\n0\r\n\r\n'],
    ['a chunk that ends too late', '1\r\nevil\r\n0\r\n\r\n'],
    ['a malformed trailer', '0\r\nX : evil\r\n\r\n'],
  ])(
    'resets the stream of the visitor when the fault follows bytes that were sent: %s',
    async (_what, fault) => {
      let goOn = (): void => {};
      const closed: Promise<unknown>[] = [];
      rig = await startRig(null, {
        serve: (socket) => {
          closed.push(closing(socket));
          socket.on('data', () => socket.write(ok('Transfer-Encoding: chunked\r\n', '2\r\nok\r\n')));
          goOn = () => socket.write(fault);
        },
      });
      const visitor = await RawVisitor.connect(rig.port);
      visitor.send(get('/'));
      await visitor.until(/ok\r\n$/);
      goOn();
      expect(await visitor.closed).toMatchObject({ code: 'ECONNRESET' });
      expect(visitor.received).toMatch(/\r\n\r\n2\r\nok\r\n$/);
      await closed[0];
    },
  );

  it('is not used again when bytes follow later, on the idle stream', async () => {
    let smuggle = (): void => {};
    const closed: Promise<unknown>[] = [];
    rig = await startRig(null, {
      serve: (socket) => {
        closed.push(closing(socket));
        socket.on('data', () => socket.write(OK));
        smuggle = () => socket.write(EVIL);
      },
    });
    const visitor = await RawVisitor.connect(rig.port);
    visitor.send(get('/'));
    await visitor.until(/ok$/);
    smuggle();
    await closed[0];
    visitor.send(LAST);
    await once(visitor.socket, 'end');
    visitor.socket.end();
    expect(visitor.received).not.toContain('evil');
    expect(visitor.received.match(/ok/g)).toHaveLength(2);
    expect(closed).toHaveLength(2);
  });

  it('is dropped when it continues after the visitor has left', async () => {
    const closed: Promise<unknown>[] = [];
    rig = await startRig(null, {
      serve: (socket) => {
        closed.push(closing(socket));
        socket.on('data', (chunk: Buffer) => {
          if (chunk.includes('/next')) {
            socket.write(OK);
            return;
          }
          socket.write(ok('Content-Length: 1000000\r\n', 'evil'));
          const timer = setInterval(() => socket.write('evil'.repeat(100)), 1);
          socket.on('close', () => clearInterval(timer));
        });
      },
    });
    const visitor = await RawVisitor.connect(rig.port);
    visitor.send(get('/'));
    await visitor.until(/evil/);
    visitor.socket.resetAndDestroy();
    const next = await converse(get('/next', 'Connection: close\r\n'));
    expect(next).toMatch(/\r\n\r\nok$/);
    await closed[0];
  });
});

/** Waits until the exchange is over and returns how it ended. */
async function outcomeOf(visitor: RawVisitor): Promise<Outcome> {
  const final = /(?:^|\r\n\r\n)HTTP\/1\.1 (?!1)(\d{3})/;
  await visitor.until(/HTTP\/1\.1 (?!1)\d{3}[\s\S]*\r\n\r\n/);
  const status = final.exec(visitor.received)?.[1];
  expect(visitor.received).not.toContain('evil');
  if (status === '502') {
    expect(visitor.received).toMatch(/X-Culvert-Error: bad_response/);
    visitor.socket.destroy();
    return 'refused';
  }
  // A whole exchange leaves the connection open for another.
  visitor.send(get('/next'));
  await visitor.until(/\r\n\r\n[\s\S]*\r\n\r\nok$/);
  visitor.socket.destroy();
  return 'answered';
}

describe('an early response', () => {
  it('reaches a visitor that is still sending, closes the connection, and frees the stream', async () => {
    let sawClose = (): void => {};
    const serviceClosed = new Promise<void>((resolve) => (sawClose = resolve));
    rig = await startRig(null, {
      serve: (socket) => {
        // Answers at once and stops reading.
        socket.once('data', () => {
          socket.write('HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig');
        });
        void closing(socket).then(sawClose);
      },
    });
    const visitor = await RawVisitor.connect(rig.port);
    visitor.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 100000000\r\n\r\n`);
    let isSending = true;
    const sending = (async () => {
      const piece = Buffer.alloc(65_536);
      while (isSending && visitor.socket.writable) {
        if (!visitor.socket.write(piece)) {
          await Promise.race([once(visitor.socket, 'drain').catch(() => {}), visitor.closed]);
        }
        await new Promise(setImmediate);
      }
    })();
    await once(visitor.socket, 'end');
    isSending = false;
    expect(visitor.received).toMatch(/^HTTP\/1\.1 413 Content Too Large\r\n[\s\S]*\r\n\r\nbig$/);
    expect(visitor.received).toMatch(/\r\nConnection: close\r\n/);
    await serviceClosed;
    await sending;
    visitor.socket.end();
    expect(await visitor.closed).toBeNull();
    expect(rig.route.active).toBe(0);
    await rig.whenConnectionsAre(0);
  });

  it('may come while the body continues: both are carried to their end', async () => {
    rig = await startRig((request, response) => {
      response.writeHead(200);
      response.flushHeaders();
      request.pipe(response);
    });
    const visitor = await RawVisitor.connect(rig.port);
    visitor.send(`POST / HTTP/1.1\r\n${HOST}Content-Length: 6\r\n\r\n`);
    await visitor.until(/\r\n\r\n/);
    visitor.send('abc');
    await visitor.until(/abc/);
    visitor.send('def');
    expect(await visitor.until(/def\r\n0\r\n\r\n$/)).toMatch(/^HTTP\/1\.1 200 /);
    visitor.socket.destroy();
  });
});

describe('an upgrade', () => {
  const UPGRADE = get('/', 'Connection: Upgrade\r\nUpgrade: websocket\r\n');
  const SWITCH = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n';

  it('carries what the visitor sent before the answer', async () => {
    rig = await startRig(null, {
      serve: (socket) => {
        let text = '';
        socket.on('data', (chunk: Buffer) => {
          const isFirst = text === '';
          text += chunk.toString('latin1');
          if (isFirst) setTimeout(() => socket.write(SWITCH), 20);
          if (text.endsWith('early\x00data')) socket.end('got it');
        });
      },
    });
    const visitor = await RawVisitor.connect(rig.port);
    visitor.send(`${UPGRADE}early\x00`);
    visitor.send('data');
    expect(await visitor.until(/got it$/)).toMatch(/^HTTP\/1\.1 101 /);
    visitor.socket.destroy();
  });

  it('counts bytes that arrive together with the answer only once', async () => {
    const answer = `${SWITCH}${'x'.repeat(1000)}`;
    rig = await startRig(null, { serve: (socket) => void socket.once('data', () => socket.end(answer)) });
    const visitor = await RawVisitor.connect(rig.port);
    visitor.send(UPGRADE);
    await visitor.until(/x{1000}$/);
    visitor.socket.destroy();
    expect(rig.relay.drainTraffic()).toMatchObject([{ bytesOut: answer.length }]);
  });

  it('that is refused has its early bytes read as a request, and rejected', async () => {
    const recorder = new Recorder('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
    await record(recorder);
    const received = await converse(`${UPGRADE}\x81\x05hello`);
    expect(received.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 403', 'HTTP/1.1 400']);
    expect(recorder.bytes).not.toContain('hello');
    expect(completeRequests(recorder.bytes)).toBe(1);
  });

  it.each([
    ['closes', (socket: net.Socket) => void socket.end()],
    ['resets', (socket: net.Socket) => void socket.resetAndDestroy()],
  ])('is reported as refused when the service %s the connection without an answer', async (_how, refuse) => {
    rig = await startRig(null, { serve: (socket) => void socket.once('data', () => refuse(socket)) });
    const visitor = await RawVisitor.connect(rig.port);
    visitor.send(UPGRADE);
    const received = await visitor.until(/"reference"/);
    expect(received).toMatch(/^HTTP\/1\.1 502 /);
    expect(received).toContain('refused the WebSocket: it closed the connection (often its origin check)');
    visitor.socket.destroy();
  });

  it.each([
    ['another protocol', 'HTTP/1.1 101 x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n'],
    ['no protocol', 'HTTP/1.1 101 x\r\n\r\n'],
  ])('does not switch to %s', async (_what, answer) => {
    await record(new Recorder(answer));
    const visitor = await RawVisitor.connect(rig.port);
    visitor.send(UPGRADE);
    expect(await visitor.until(/\r\n\r\n/)).toMatch(/^HTTP\/1\.1 502 /);
    visitor.socket.destroy();
  });
});

// --- Our own errors -----------------------------------------------------------------------------------------

/** RFC 9209 §2.3, the types that Culvert uses, with the status each is registered for or allowed to have. */
const PROXY_ERRORS =
  /^(connection_(limit_reached|terminated|refused|timeout)|destination_(not_found|unavailable|ip_prohibited|ip_unroutable)|dns_error|tls_protocol_error|http_(protocol_error|response_timeout|request_error|request_denied)|proxy_(internal_(error|response)|loop_detected))$/;

/** RFC 9209 §2 and RFC 8941: a list of one item, a token with parameters. */
const PROXY_STATUS = /^culvert; error=([a-z_]+); details="((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;

/** A route whose streams are all reset with `code`. */
const resetting =
  (code: ResetCode) =>
  (dialer: Dialer): Dialer => ({
    ...dialer,
    dial: (handler) => {
      const stream: Stream = {
        id: 1,
        handler,
        isOpen: true,
        write: () => true,
        end: () => {},
        reset: () => {},
        pause: () => {},
        resume: () => {},
      };
      queueMicrotask(() => stream.handler.onReset(code, 'a "quoted" \\ détail'));
      return { stream, origin: stream };
    },
  });

interface Situation {
  readonly status: number;
  readonly limits?: Partial<RelayLimits>;
  readonly wrapDialer?: (dialer: Dialer) => Dialer;
  readonly answer?: string;
  readonly prepare?: () => void | Promise<void>;
  readonly request?: string;
}

const SITUATIONS: Readonly<Record<RelayErrorCode, Situation>> = {
  bad_request: { status: 400, request: 'GET / HTTP/1.1\r\n\r\n' },
  access_denied: { status: 401, prepare: () => setGate(() => refuseWith('access_denied')) },
  cross_site_request: { status: 403, prepare: () => setGate(() => refuseWith('cross_site_request')) },
  unknown_host: { status: 404, request: 'GET / HTTP/1.1\r\nHost: missing.preview.test\r\n\r\n' },
  preview_expired: { status: 410, prepare: () => void Object.assign(rig.route, { expiresAt: 0 }) },
  request_timeout: { status: 408, limits: { headTimeoutMs: 50 }, request: 'GET / HTTP/1.1\r\n' },
  body_too_large: {
    status: 413,
    limits: { maxBodyBytes: 3 },
    request: `POST / HTTP/1.1\r\n${HOST}Content-Length: 4\r\n\r\n`,
  },
  too_many_requests: { status: 429, limits: { maxRequestsPerPreview: 0 } },
  team_request_limit: { status: 429, limits: { maxRequestsPerTeam: 0.5 } },
  store_unavailable: {
    status: 503,
    prepare: () => setGate(() => Promise.reject(new StoreUnavailableError())),
  },
  internal_error: { status: 500, prepare: () => setGate(() => Promise.reject(new Error('secret'))) },
  tunnel_lost: { status: 502, wrapDialer: resetting(ResetCode.TUNNEL_LOST) },
  ingress_refused: { status: 502, prepare: () => rig.stopService() },
  ingress_unreachable: { status: 502, wrapDialer: resetting(ResetCode.INGRESS_UNREACHABLE) },
  ingress_dns: { status: 502, wrapDialer: resetting(ResetCode.INGRESS_DNS) },
  ingress_tls: { status: 502, wrapDialer: resetting(ResetCode.INGRESS_TLS) },
  ingress_forbidden: { status: 502, wrapDialer: resetting(ResetCode.FORBIDDEN) },
  ingress_closed: { status: 502, wrapDialer: resetting(ResetCode.INGRESS_RESET) },
  upgrade_not_allowed: { status: 403, request: get('/', 'Connection: Upgrade\r\nUpgrade: tcp\r\n') },
  loop_detected: { status: 508, request: get('/', `X-Culvert-Hop: ${hopMarkOf('p1')}\r\n`) },
  bad_response: { status: 502, answer: 'nonsense\r\n\r\n' },
  manager_unavailable: { status: 503, limits: { managerWaitMs: 50 }, prepare: () => rig.disconnect() },
  stream_limit: {
    status: 503,
    limits: { managerWaitMs: 0 },
    wrapDialer: (dialer) => ({ ...dialer, dial: () => 'full' }),
  },
  shutting_down: {
    status: 503,
    prepare: () => {
      rig.disconnect();
      void rig.whenWaiting().then(() => rig.relay.drain(5000));
    },
  },
  ingress_timeout: { status: 504, wrapDialer: resetting(ResetCode.INGRESS_TIMEOUT) },
  response_timeout: { status: 504, limits: { responseTimeoutMs: 50 }, answer: '' },
};

function setGate(check: Rig['gate']['check']): void {
  rig.gate.check = check;
}

describe('an answer of the relay itself', () => {
  it.each(Object.entries(SITUATIONS))('reports %s', async (code, situation) => {
    const { status, limits, wrapDialer, answer = OK, prepare, request = get('/') } = situation;
    rig = await startRig(null, { serve: new Recorder(answer).handle, limits, wrapDialer });
    const faults = rig.collectFaults();
    await prepare?.();
    const visitor = await RawVisitor.connect(rig.port);
    visitor.send(request);
    const received = await visitor.until(/\r\n\r\n[\s\S]*\}\n$/);
    visitor.socket.destroy();
    const fields = new Map(
      [...received.matchAll(/\r\n([\w-]+): ([^\r\n]*)/g)].map(([, name, value]) => [
        name.toLowerCase(),
        value,
      ]),
    );
    expect(received).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(fields.get('x-culvert-error')).toBe(code);
    expect(fields.get('cache-control')).toBe('no-store');
    const problem = JSON.parse(received.slice(received.indexOf('\r\n\r\n') + 4));
    expect(problem).toMatchObject({ status, code, type: `urn:culvert:error:${code}` });
    expect(problem.detail).not.toContain('secret');
    const [, error, details] = PROXY_STATUS.exec(fields.get('proxy-status') ?? '') ?? [];
    expect(error, fields.get('proxy-status')).toMatch(PROXY_ERRORS);
    expect(details).not.toBe('');
    expect(rig.relay.counters.failures[code as RelayErrorCode]).toBe(1);
    expect(rig.route.active).toBe(0);
    expect(faults).toEqual(code === 'internal_error' ? [new Error('secret')] : []);
  });
});

describe('a relay that stops', () => {
  it('reports when the last request has its stream, and serves it', async () => {
    await record(new Recorder());
    let admit = (): void => {};
    const admitted = new Promise<Verdict>((resolve) => (admit = () => resolve(ALLOW)));
    let asked = (): void => {};
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    setGate(() => {
      asked();
      return admitted;
    });
    const visitor = await RawVisitor.connect(rig.port);
    visitor.send(get('/'));
    await isAsked;
    const drained = rig.relay.drain(5000);
    let isRouted = false;
    const routed = rig.relay.whenRouted(5000).then(() => (isRouted = true));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(isRouted).toBe(false);
    admit();
    await routed;
    expect(await visitor.until(/ok$/)).toMatch(/^HTTP\/1\.1 200 [\s\S]*\r\nConnection: close\r\n/);
    visitor.socket.end();
    await drained;
  });

  it('does not wait for a store that hangs', async () => {
    await record(new Recorder());
    setGate(() => new Promise(() => {}));
    const visitor = await RawVisitor.connect(rig.port);
    visitor.send(get('/'));
    await expect.poll(() => rig.relay.counters.bytesIn).toBeGreaterThan(0);
    const from = performance.now();
    await rig.relay.whenRouted(50);
    expect(performance.now() - from).toBeGreaterThanOrEqual(45);
    visitor.socket.destroy();
  });
});
