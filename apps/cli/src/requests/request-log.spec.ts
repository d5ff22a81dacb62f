import type { SeenRequest } from '@culvert/client';
import { describe, expect, it } from 'vitest';
import { Output } from '../output/output.js';
import { TestStream } from '../spec/test-terminal.js';
import { lineOf, RequestLog, showBytes, showDuration } from './request-log.js';

const request: SeenRequest = {
  startedAt: new Date(2030, 0, 31, 14, 3, 27),
  method: 'GET',
  path: '/basket',
  state: 'ended',
  status: 200,
  upgrade: '',
  durationMs: 12.34,
  receivedBytes: 0,
  sentBytes: 3400,
  failure: null,
  notes: [],
  refusal: null,
};

function log(format: 'text' | 'json') {
  const [stdout, stderr] = [new TestStream(), new TestStream()];
  return { stdout, stderr, log: new RequestLog(new Output({ format, stdout, stderr, env: {} })) };
}

describe('the log of requests', () => {
  it('has a line for each request, with its outcome', () => {
    expect(lineOf(request)).toBe('14:03:27  200  GET     /basket  12 ms  3.4 kB');
    expect(
      lineOf({ ...request, status: null, failure: 'connection refused', durationMs: 0.5, sentBytes: 0 }),
    ).toBe('14:03:27  ---  GET     /basket  0.5 ms  0 B  connection refused');
    expect(lineOf({ ...request, state: 'open', status: 101, upgrade: 'websocket' })).toBe(
      '14:03:27  101  GET     /basket  websocket open',
    );
  });

  it('reports what is wrong with a delivered response', () => {
    expect(lineOf({ ...request, status: 204, notes: ['BODY_NOT_ALLOWED'] })).toMatch(
      / {2}204 .* {2}The head announces a body, but the status does not allow one\./,
    );
  });

  it('shows text from others so that it cannot control or flood the terminal', () => {
    const { stdout, log: shown } = log('text');
    shown.add({ ...request, path: `/\u001b[2J\u0007\u009b31m\n${'a'.repeat(5000)}`, method: 'X'.repeat(32) });
    expect(stdout.text).toMatch(/^[^\p{Cc}]*\n$/u);
    expect(stdout.text.length).toBeLessThan(220);
  });

  it('limits lines per second, and reports how many it left out', () => {
    const { stdout, stderr, log: shown } = log('text');
    for (let i = 0; i < 1000; i++) shown.add(request);
    shown.close();
    expect(stdout.text.split('\n').length - 1).toBe(100);
    expect(stderr.text).toBe('… and 900 more requests in that second\n');
  });

  it('gives programs every request, as one JSON object a line', () => {
    const { stdout, log: shown } = log('json');
    for (let i = 0; i < 1000; i++) shown.add({ ...request, path: '/\n' });
    const lines = stdout.text.trimEnd().split('\n');
    expect(lines).toHaveLength(1000);
    expect(JSON.parse(lines[0] ?? '')).toEqual({
      type: 'request',
      startedAt: request.startedAt.toISOString(),
      method: 'GET',
      path: '/\n',
      state: 'ended',
      status: 200,
      upgrade: null,
      durationMs: 12.3,
      receivedBytes: 0,
      sentBytes: 3400,
      failure: null,
      notes: [],
      refusal: null,
    });
  });

  it('fills no memory when the output is not read, and reports how many requests it left out', () => {
    const { stdout, log: shown } = log('json');
    let read: (() => void) | undefined;
    const lines: string[] = [];
    stdout._write = (chunk, _encoding, done) => {
      lines.push(chunk.toString());
      read = done;
    };
    for (let i = 0; i < 20_000; i++) shown.add(request);
    expect(stdout.writableLength).toBeLessThan(1_100_000);
    stdout._write = (chunk, _encoding, done) => {
      lines.push(chunk.toString());
      done();
    };
    read?.();
    shown.close();
    expect(JSON.parse(lines.at(-1) ?? '')).toEqual({ type: 'omitted', count: 20_001 - lines.length });
  });

  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.0 kB'],
    [123_456, '123 kB'],
    [999_600, '1.0 MB'],
    [5e15, '5000 TB'],
  ])('shows %d bytes as %s', (bytes, shown) => expect(showBytes(bytes)).toBe(shown));

  it.each([
    [0.04, '0.0 ms'],
    [999.4, '999 ms'],
    [1500, '1.5 s'],
    [125_000, '2 min'],
    [7_500_000, '2 h 5 min'],
  ])('shows %d milliseconds as %s', (ms, shown) => expect(showDuration(ms)).toBe(shown));
});
