import { ResetCode, type IncomingStream, type StreamHandler } from '@culvert/tunnel';
import { describe, expect, it } from 'vitest';
import { Http1Watch, type SeenRequest } from './http1-watch.js';
import { TappedStream } from './tapped-stream.js';

/** A stream whose far end is the test. */
class TestStream implements IncomingStream {
  readonly id = 7;
  isOpen = true;
  readonly calls: unknown[] = [];
  handler!: StreamHandler;
  accept(): void {
    this.calls.push('accept');
  }
  write(chunk: Buffer): boolean {
    this.calls.push(chunk.toString());
    return chunk.length < 100;
  }
  end(): void {
    this.calls.push('end');
  }
  reset(code: ResetCode, detail?: string): void {
    this.calls.push([code, detail]);
  }
  pause(): void {
    this.calls.push('pause');
  }
  resume(): void {
    this.calls.push('resume');
  }
}

function tapped() {
  const seen: SeenRequest[] = [];
  const heard: unknown[] = [];
  const inner = new TestStream();
  const stream = new TappedStream(inner, new Http1Watch((request) => seen.push(request)));
  stream.handler = {
    onOpen: () => heard.push('open'),
    onData: (chunk) => heard.push(chunk.toString()),
    onEnd: () => heard.push('end'),
    onReset: (code, detail) => heard.push([code, detail]),
    onDrain: () => heard.push('drain'),
  };
  return { seen, heard, inner, stream };
}

const REQUEST = 'GET /a HTTP/1.1\r\nHost: a\r\n\r\n';
const RESPONSE = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi';

describe('a tapped stream', () => {
  it('reports a request whose target cannot be reached, even if its head has not arrived', () => {
    const early = tapped();
    early.stream.reset(ResetCode.INGRESS_REFUSED, 'refused');
    expect(early.seen).toMatchObject([{ method: '', path: '', status: null, failure: 'connection refused' }]);
    expect(early.inner.calls).toEqual([[ResetCode.INGRESS_REFUSED, 'refused']]);
    const late = tapped();
    late.inner.handler.onData(Buffer.from(REQUEST));
    late.stream.reset(ResetCode.INGRESS_REFUSED, 'refused');
    expect(late.seen).toMatchObject([{ method: 'GET', path: '/a', failure: 'connection refused' }]);
  });

  it('behaves like the stream to both of its ends', () => {
    const { heard, inner, stream } = tapped();
    inner.handler.onOpen();
    inner.handler.onData(Buffer.from(REQUEST));
    inner.handler.onDrain();
    inner.handler.onEnd();
    inner.handler.onReset(ResetCode.CANCEL, 'gone');
    expect(heard).toEqual(['open', REQUEST, 'drain', 'end', [ResetCode.CANCEL, 'gone']]);
    stream.accept();
    expect([stream.write(Buffer.from('x')), stream.write(Buffer.alloc(100, 'y'))]).toEqual([true, false]);
    stream.pause();
    stream.resume();
    stream.end();
    stream.reset(ResetCode.INTERNAL, 'why');
    expect(inner.calls).toEqual([
      'accept',
      'x',
      'y'.repeat(100),
      'pause',
      'resume',
      'end',
      [ResetCode.INTERNAL, 'why'],
    ]);
    expect([stream.id, stream.isOpen]).toEqual([7, true]);
  });

  it('reports requests that are answered', () => {
    const { seen, inner, stream } = tapped();
    inner.handler.onData(Buffer.from(REQUEST));
    stream.write(Buffer.from(RESPONSE));
    expect(seen).toMatchObject([{ path: '/a', status: 200, sentBytes: 2, failure: null }]);
    inner.handler.onReset(ResetCode.CANCEL, '');
    expect(seen).toHaveLength(1);
  });

  it('reports requests that the target refused, and visitors who left', () => {
    const refused = tapped();
    refused.inner.handler.onData(Buffer.from(REQUEST));
    refused.stream.reset(ResetCode.INGRESS_REFUSED, 'connect ECONNREFUSED');
    expect(refused.seen).toMatchObject([{ status: null, failure: 'connection refused' }]);
    const gone = tapped();
    gone.inner.handler.onData(Buffer.from(REQUEST));
    gone.inner.handler.onReset(ResetCode.CANCEL, '');
    expect(gone.seen).toMatchObject([{ status: null, failure: 'visitor went away' }]);
  });

  it('reports a request whose connection ends both ways without a response', () => {
    const { seen, inner, stream } = tapped();
    inner.handler.onData(Buffer.from(REQUEST));
    inner.handler.onEnd();
    expect(seen).toEqual([]);
    stream.end();
    expect(seen).toMatchObject([{ status: null, failure: 'service closed the connection' }]);
  });

  // The edge cancels the stream of a service that ended too early, which looked like a visitor who left.
  it.each([
    ['before its answer', '', null],
    ['within its answer', 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello', 200],
  ])('names the service where that closed first, %s', (_when, answer, status) => {
    const { seen, inner, stream } = tapped();
    inner.handler.onData(Buffer.from(REQUEST));
    if (answer !== '') stream.write(Buffer.from(answer));
    stream.end();
    inner.handler.onReset(ResetCode.CANCEL, '');
    expect(seen).toMatchObject([{ status, failure: 'service closed the connection' }]);
  });

  it.each([
    ['closes', (stream: TappedStream) => stream.end()],
    ['resets', (stream: TappedStream) => stream.reset(ResetCode.INGRESS_RESET, 'ECONNRESET')],
    [
      'answers 403',
      (stream: TappedStream) => stream.write(Buffer.from('HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n')),
    ],
  ])('reports that the service refused a WebSocket when it %s', (_how, refuse) => {
    const { seen, inner, stream } = tapped();
    inner.handler.onData(
      Buffer.from('GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'),
    );
    refuse(stream);
    expect(seen).toMatchObject([
      { path: '/ws', failure: 'service refused the WebSocket (often its origin check)' },
    ]);
  });
});
