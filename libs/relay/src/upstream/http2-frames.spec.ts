import { expect, it } from 'vitest';
import { FrameScanner } from './http2-frames.js';

function frame(type: number, flags: number, streamId: number, payload: Buffer = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header[3] = type;
  header[4] = flags;
  header.writeUInt32BE(streamId, 5);
  return Buffer.concat([header, payload]);
}

function scan(chunks: readonly Buffer[]): string[] {
  const events: string[] = [];
  const scanner = new FrameScanner({
    onEndStream: (id) => events.push(`end ${id}`),
    onReset: (id) => events.push(`reset ${id}`),
    onDataFrame: (id, number, bytes) => events.push(`data ${id} in ${number} of ${bytes}`),
    onGoAway: (code) => events.push(`goaway ${code}`),
    onForeign: () => events.push('foreign'),
  });
  for (const chunk of chunks) scanner.scan(chunk);
  return events;
}

const SETTINGS = frame(4, 0, 0, Buffer.alloc(6));
const END_STREAM = 1;

it('sees streams end and be reset, wherever the bytes are cut', () => {
  const bytes = Buffer.concat([
    SETTINGS,
    frame(1, 4, 1, Buffer.from('end')),
    frame(0, 0, 1, Buffer.alloc(300, END_STREAM)),
    frame(0, END_STREAM, 1),
    frame(1, 4 | END_STREAM, 3, Buffer.alloc(5)),
    // The ACK flag of SETTINGS and PING has the same bit.
    frame(4, 1, 0),
    frame(6, 1, 0, Buffer.alloc(8)),
    frame(3, 0, 0x8000_0005, Buffer.alloc(4)),
    frame(7, 0, 0, Buffer.from('7fffffff00000000', 'hex')),
    frame(7, 0, 0, Buffer.from(`0000000100000bad${'00'.repeat(20)}`, 'hex')),
    // Too short to have a code; Node refuses it.
    frame(7, 0, 0, Buffer.alloc(4)),
    frame(0, END_STREAM, 9),
  ]);
  const expected = ['end 1', 'end 3', 'reset 5', 'goaway 0', 'goaway 2989', 'end 9'];
  const withoutData = (chunks: Buffer[]): string[] =>
    scan(chunks).filter((event) => !event.startsWith('data'));
  for (let cut = 0; cut <= bytes.length; cut++) {
    expect(withoutData([bytes.subarray(0, cut), bytes.subarray(cut)])).toEqual(expected);
  }
  expect(withoutData([...bytes].map((byte) => Buffer.of(byte)))).toEqual(expected);
});

it('counts DATA frames with the chunks they came in', () => {
  const data = frame(0, 0, 7, Buffer.alloc(10));
  expect(scan([SETTINGS, Buffer.concat([data, data]), data])).toEqual([
    'data 7 in 2 of 38',
    'data 7 in 2 of 38',
    'data 7 in 3 of 19',
  ]);
});

it('tells what is not HTTP/2 by its first frame', () => {
  expect(scan([Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')])).toEqual(['foreign']);
  expect(scan([frame(4, 0, 1)])).toEqual(['foreign']);
  expect(scan([frame(6, 0, 0, Buffer.alloc(8)), SETTINGS])).toEqual(['foreign']);
  expect(scan([SETTINGS])).toEqual([]);
});
