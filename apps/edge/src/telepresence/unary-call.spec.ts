import { DEFAULT_HEAD_LIMITS, parseRequestHead, type RequestHead } from '@culvert/http1';
import type { HandedOffStream, HandedOffStreamHandler } from '@culvert/relay';
import { GrpcStatus } from '@culvert/telepresence';
import { describe, expect, it } from 'vitest';
import { CallError } from './credentials.js';
import { answerCall, CallWait, failCall, readMessage } from './unary-call.js';

function headOf(lines = ''): RequestHead {
  const bytes = Buffer.from(`POST /package.Service/Method HTTP/1.1\r\nHost: culvert.test\r\n${lines}\r\n`);
  return parseRequestHead(bytes, 0, bytes.length, DEFAULT_HEAD_LIMITS);
}

/** A stream whose events come from the test. */
class ManualStream implements HandedOffStream {
  readonly head: RequestHead;
  readonly peer = '192.0.2.1';
  handler!: HandedOffStreamHandler;
  readonly sent: Buffer[] = [];
  fields: Readonly<Record<string, string>> = {};
  trailers: Readonly<Record<string, string>> = {};

  /** @param lines header fields, each with its CRLF */
  constructor(lines = '') {
    this.head = headOf(lines);
  }

  respond(fields: Readonly<Record<string, string>>): void {
    this.fields = fields;
  }
  write(bytes: Buffer): boolean {
    this.sent.push(bytes);
    return true;
  }
  end(trailers: Readonly<Record<string, string>>): void {
    this.trailers = trailers;
  }
  pause(): void {}
  resume(): void {}
  reset(): void {}
}

function read(
  chunks: readonly Buffer[],
  options: { readonly reports?: boolean; readonly lines?: string } = {},
): Promise<Buffer> {
  const stream = new ManualStream(options.lines);
  const message = readMessage(stream, options.reports ?? false);
  for (const chunk of chunks) stream.handler.onData(chunk);
  stream.handler.onEnd();
  return message;
}

describe('a call of one message', () => {
  it('is read as a whole, however it is split', async () => {
    const bytes = Buffer.from([0, 0, 0, 0, 3, 10, 1, 65]);
    for (let cut = 0; cut <= bytes.length; cut++) {
      expect(await read([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(Buffer.from([10, 1, 65]));
    }
  });

  it.each([
    ['is cut short', Buffer.from([0, 0, 0, 0, 3, 10]), GrpcStatus.INTERNAL],
    ['has no prefix', Buffer.alloc(0), GrpcStatus.INTERNAL],
    ['contains more than a message', Buffer.from([0, 0, 0, 0, 0, 1]), GrpcStatus.INTERNAL],
    ['is compressed', Buffer.from([1, 0, 0, 0, 0]), GrpcStatus.UNIMPLEMENTED],
    ['is too large', Buffer.alloc(300_000), GrpcStatus.RESOURCE_EXHAUSTED],
  ])('is refused if it %s', async (_name, bytes, status) => {
    await expect(read([bytes])).rejects.toMatchObject({ status });
  });

  it.each([
    ['no credential', '', 16_384],
    ['a key', 'X-Ambassador-Api-Key: x\r\n', 262_144],
    ['a token', 'Authorization: Bearer x\r\n', 262_144],
  ])('is read up to a limit if it has %s', async (_name, lines, max) => {
    const prefix = (length: number) => Buffer.from([0, 0, length >> 16, (length >> 8) & 255, length & 255]);
    expect(await read([prefix(max), Buffer.alloc(max)], { lines })).toHaveLength(max);
    await expect(read([prefix(max + 1), Buffer.alloc(max + 1)], { lines })).rejects.toMatchObject({
      status: GrpcStatus.RESOURCE_EXHAUSTED,
    });
  });

  it('ends with its caller', async () => {
    const stream = new ManualStream();
    const message = readMessage(stream, false);
    stream.handler.onClose();
    await expect(message).rejects.toMatchObject({ status: GrpcStatus.CANCELLED });
  });

  it('reads a report without storing it', async () => {
    expect(await read([Buffer.alloc(300_000)], { reports: true })).toHaveLength(0);
  });
});

describe('unary calls', () => {
  it('are answered with a framed message and the status', () => {
    const stream = new ManualStream();
    answerCall(stream, Buffer.from([10, 1, 65]));
    expect(Buffer.concat(stream.sent)).toEqual(Buffer.from([0, 0, 0, 0, 3, 10, 1, 65]));
    expect(stream.trailers).toMatchObject({ 'grpc-status': '0' });
  });

  it('report to callers only their own mistakes', () => {
    const stream = new ManualStream();
    expect(failCall(stream, new CallError(GrpcStatus.NOT_FOUND, 'no 100% of it'))).toBe(true);
    expect(stream.trailers).toMatchObject({ 'grpc-status': '5', 'grpc-message': 'no 100%25 of it' });
    expect(failCall(stream, new Error('secret of the database'))).toBe(false);
    expect(stream.trailers).toMatchObject({ 'grpc-status': '14' });
    expect(JSON.stringify(stream.trailers)).not.toContain('secret');
  });
});

describe('the deadline of a call', () => {
  const never = new Promise<string>(() => {});

  it.each(['5m', '5000u', '5000000n'])('ends it after %s', async (timeout) => {
    const wait = new CallWait();
    await expect(wait.within(headOf(`grpc-timeout: ${timeout}\r\n`), never)).rejects.toMatchObject({
      status: GrpcStatus.DEADLINE_EXCEEDED,
    });
    expect(() => wait.check()).toThrow('the deadline of the call has passed');
  });

  it.each(['', 'grpc-timeout: 10S\r\n', 'grpc-timeout: 99999999H\r\n', 'grpc-timeout: soon\r\n'])(
    'does not affect a call that is in time (%j)',
    async (lines) => {
      const later = new Promise((resolve) => setImmediate(resolve, 'done'));
      const wait = new CallWait();
      expect(await wait.within(headOf(lines), later)).toBe('done');
      expect(wait.isOver).toBe(false);
    },
  );
});
