// Measures the cost of parsing. `npm run build && node dist/libs/http1/bench/parse.js` prints one line per measure, in about
// five seconds.
import type { RangeSink } from '../src/index.js';
import {
  ChunkedScanner,
  DEFAULT_CHUNKED_LIMITS,
  DEFAULT_HEAD_LIMITS,
  HeadReader,
  parseRequestHead,
  parseResponseHead,
} from '../src/index.js';

const ROUNDS = 5;
const ROUND_MS = 130;

const REQUEST = Buffer.from(
  'GET /api/v1/items?page=2&sort=name HTTP/1.1\r\n' +
    'Host: quiet-heron-k7f3q2m9x4t8w2.preview.example.com\r\n' +
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0\r\n' +
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n' +
    'Accept-Language: en-GB,en;q=0.5\r\n' +
    'Accept-Encoding: gzip, deflate, br\r\n' +
    'Connection: keep-alive\r\n' +
    'Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n' +
    'Cache-Control: max-age=0\r\n\r\n',
);
const WRK_REQUEST = Buffer.from(
  'GET / HTTP/1.1\r\nHost: quiet-heron-k7f3q2m9x4t8w2.preview.example.com\r\n\r\n',
);
const RESPONSE = Buffer.from(
  'HTTP/1.1 200 OK\r\nServer: nginx/1.22.1\r\nDate: Fri, 20 Nov 2026 10:00:00 GMT\r\n' +
    'Content-Type: application/octet-stream\r\nContent-Length: 1024\r\n' +
    'Last-Modified: Fri, 20 Nov 2026 09:00:00 GMT\r\nConnection: keep-alive\r\n' +
    'ETag: "691eb1a0-400"\r\nAccept-Ranges: bytes\r\n\r\n',
);

/** Returns nanoseconds per call of `work`: the best round, since disturbances can only lengthen one. */
function measure(work: () => void): number {
  let best = Infinity;
  for (let round = 0; round < ROUNDS; round++) {
    let calls = 0;
    const start = performance.now();
    let elapsed = 0;
    while (elapsed < ROUND_MS) {
      for (let i = 0; i < 100; i++) work();
      calls += 100;
      elapsed = performance.now() - start;
    }
    best = Math.min(best, (elapsed * 1e6) / calls);
  }
  return best;
}

let sideEffect = 0;

function report(name: string, value: number, unit: string): void {
  process.stdout.write(`${name.padEnd(52)}${value.toFixed(0).padStart(8)} ${unit}\n`);
}

function measureRequest(name: string, head: Buffer): void {
  const reader = new HeadReader(DEFAULT_HEAD_LIMITS);
  const ns = measure(() => {
    reader.push(head, 0);
    sideEffect += parseRequestHead(reader.buffer, reader.start, reader.end, DEFAULT_HEAD_LIMITS).count;
  });
  report(`request head, ${name} (${head.length} bytes)`, ns, 'ns');
}

function measureResponse(): void {
  const reader = new HeadReader(DEFAULT_HEAD_LIMITS);
  const ns = measure(() => {
    reader.push(RESPONSE, 0);
    sideEffect += parseResponseHead(
      reader.buffer,
      reader.start,
      reader.end,
      DEFAULT_HEAD_LIMITS,
      'GET',
    ).count;
  });
  report(`response head, 8 fields (${RESPONSE.length} bytes)`, ns, 'ns');
}

function measureSplit(): void {
  const reader = new HeadReader(DEFAULT_HEAD_LIMITS);
  const first = REQUEST.subarray(0, 200);
  const second = REQUEST.subarray(200);
  const ns = measure(() => {
    reader.push(first, 0);
    reader.push(second, 0);
    sideEffect += parseRequestHead(reader.buffer, reader.start, reader.end, DEFAULT_HEAD_LIMITS).count;
  });
  report('request head, 8 fields, in two pieces', ns, 'ns');
}

const sink: RangeSink = (_buffer, start, end) => {
  sideEffect += end - start;
};

function measureChunks(output: 'decoded' | 'encoded', payloadBytes: number): void {
  const chunk = `${payloadBytes.toString(16)}\r\n${'x'.repeat(payloadBytes)}\r\n`;
  const body = Buffer.from(`${chunk.repeat(Math.ceil(65_536 / chunk.length))}0\r\n\r\n`);
  const ns = measure(() => {
    new ChunkedScanner(output, DEFAULT_CHUNKED_LIMITS).scan(body, 0, sink);
  });
  report(`chunked body, ${output}, chunks of ${payloadBytes} bytes`, (body.length / ns) * 1e3, 'MB/s');
}

measureRequest('1 field', WRK_REQUEST);
measureRequest('8 fields', REQUEST);
measureSplit();
measureResponse();
for (const payloadBytes of [16, 1024, 16_384]) {
  measureChunks('decoded', payloadBytes);
  measureChunks('encoded', payloadBytes);
}
if (sideEffect === 0) throw new Error('nothing was parsed');
