/** Output with options other than the defaults. */
import type { ReadyStream } from '@culvert/flow';
import { describe, expect, it } from 'vitest';
import { Output, type OutputOptions, type OutputSink } from './output.js';
import { PeerRates } from './peer-rates.js';

const HEADROOM_BYTES = 10;
const RST_STREAM = Buffer.from('00000403000000000100000008', 'hex');

class Sink implements OutputSink {
  readonly written: Buffer[] = [];

  now(): number {
    return 0;
  }
  bufferedBytes(): number {
    return 0;
  }
  write(bytes: Buffer): void {
    this.written.push(bytes);
  }
  pauseInput(): void {}
  resumeInput(): void {}
}

function startOutput(options: OutputOptions = {}): { sink: Sink; output: Output } {
  const sink = new Sink();
  const rates = new PeerRates({ maxControlFrames: 10, maxNoiseFrames: 10 }, sink);
  const fail = (error: unknown): never => {
    throw error;
  };
  return { sink, output: new Output(sink, rates, { handleFault: fail }, options) };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('Output', () => {
  it.each([
    ['a frame', (output: Output) => output.frames().reset(1, 8), RST_STREAM],
    [
      'the preface',
      (output: Output) => output.frames().preface(),
      Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    ],
    [
      'DATA that is not copied',
      (output: Output) => output.sendData(1, Buffer.alloc(16_384, 7), 0),
      Buffer.concat([Buffer.from('004000000000000001', 'hex'), Buffer.alloc(16_384, 7)]),
    ],
  ])('reserves room once before each piece that begins with %s', async (_what, add, bytes) => {
    const { sink, output } = startOutput({ headroomBytes: HEADROOM_BYTES });
    for (let piece = 0; piece < 2; piece++) {
      add(output);
      output.frames().reset(1, 8);
      await turn();
    }
    expect(sink.written).toHaveLength(2);
    for (const piece of sink.written)
      expect(piece.subarray(HEADROOM_BYTES).equals(Buffer.concat([bytes, RST_STREAM]))).toBe(true);
  });

  it('reserves no room before a piece by default', async () => {
    const { sink, output } = startOutput();
    output.frames().reset(1, 8);
    await turn();
    expect(sink.written).toEqual([RST_STREAM]);
  });

  it.each([1, 100, 8193, 65_536])('sends DATA of a head and %i bytes in one frame', async (payloadBytes) => {
    const { sink, output } = startOutput();
    output.widen(100_000);
    const credit = output.sendWindow;
    const head = Buffer.from('abcdef');
    const payload = Buffer.alloc(payloadBytes, 'x');
    output.sendMessage(3, head, 2, payload);
    head.fill('z');
    await turn();
    const header = Buffer.from('000000000000000003', 'hex');
    header.writeUIntBE(2 + payloadBytes, 0, 3);
    expect(Buffer.concat(sink.written).equals(Buffer.concat([header, Buffer.from('ab'), payload]))).toBe(
      true,
    );
    expect(output.sendWindow).toBe(credit - 2 - payloadBytes);
  });

  it('serves no stream below the least credit, and resumes once there is more', async () => {
    const { output } = startOutput({ minCreditBytes: 1024 });
    let served = 0;
    const stream: ReadyStream = { nextReady: null, isReady: false, serve: () => void served++ };
    output.sendData(1, Buffer.alloc(16_384), 0);
    while (output.sendWindow >= 1024)
      output.sendData(1, Buffer.alloc(Math.min(16_384, output.sendWindow)), 0);
    expect(output.hasRoom).toBe(false);
    output.enqueue(stream);
    await turn();
    expect(served).toBe(0);
    output.widen(1023);
    await turn();
    expect(served).toBe(0);
    output.widen(1);
    await turn();
    expect(served).toBe(1);
  });
});
