import { SeededRandom } from '@culvert/testkit';
import { ResetCode, type Stream, type StreamHandler } from '@culvert/tunnel';
import { describe, expect, it } from 'vitest';
import { ControlStream } from './control-stream.js';

/** Records the calls. */
class FakeStream implements Stream {
  readonly id = 1;
  isOpen = true;
  hasRoom = true;
  readonly written: string[] = [];
  readonly resets: ResetCode[] = [];
  handler!: StreamHandler;
  write(chunk: Buffer): boolean {
    this.written.push(chunk.toString());
    return this.hasRoom;
  }
  end(): void {
    this.isOpen = false;
  }
  reset(code: ResetCode): void {
    this.resets.push(code);
    this.isOpen = false;
  }
  pause(): void {
    // Nothing waits here.
  }
  resume(): void {
    // Nothing waits here.
  }
}

interface Heard {
  readonly stream: FakeStream;
  readonly control: ControlStream;
  /** Lines, `violation: …` and `end`, in order. */
  readonly events: unknown[];
}

function open(): Heard {
  const events: unknown[] = [];
  const control = new ControlStream({
    onLine: (line) => void events.push(line),
    onViolation: (reason) => void events.push(`violation: ${reason}`),
    onEnd: () => void events.push('end'),
  });
  const stream = new FakeStream();
  control.attach(stream);
  return { stream, control, events };
}

describe('a control stream', () => {
  const lines = [{ type: 'a' }, { type: 'b', text: 'ä€😀\n"\\' }, { type: 'c', nested: { type: 'd' } }];
  const bytes = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));

  it('reads the same lines wherever they are split in two', () => {
    for (let at = 0; at <= bytes.length; at++) {
      const { control, events } = open();
      control.onData(bytes.subarray(0, at));
      control.onData(bytes.subarray(at));
      expect(events).toEqual(lines);
    }
  });

  it('holds copies, so that the caller may reuse its bytes', () => {
    const { control, events } = open();
    const first = Buffer.from(bytes.subarray(0, 5));
    control.onData(first);
    first.fill(0);
    control.onData(bytes.subarray(5));
    expect(events).toEqual(lines);
  });

  it('never throws on any input, and reports nothing after unreadable input', () => {
    const random = new SeededRandom(1);
    for (let round = 0; round < 300; round++) {
      const { control, events, stream } = open();
      const noise = Buffer.from(bytes);
      for (let i = 0; i < 3; i++) noise[random.integer(0, noise.length - 1)] = random.integer(0, 255);
      for (const piece of random.cut(noise, 20)) control.onData(piece);
      const violated = events.findIndex((event) => typeof event === 'string');
      expect(violated === -1 || violated === events.length - 1).toBe(true);
      expect(stream.resets).toEqual(violated === -1 ? [] : [ResetCode.CANCEL]);
    }
  });

  it('reports its end once, with the first cause', () => {
    const { control, events } = open();
    control.onData(Buffer.from('no\n{"type":"late"}\n'));
    control.onEnd();
    control.onReset();
    control.onData(Buffer.from('{"type":"later"}\n'));
    expect(events).toEqual(['violation: a control line is not JSON']);
    const other = open();
    other.control.onReset();
    other.control.onEnd();
    expect(other.events).toEqual(['end']);
  });

  it('reports nothing more after its owner resets it', () => {
    const { control, events, stream } = open();
    control.abandon();
    control.abandon();
    control.onReset();
    control.send({ type: 'late' });
    expect(stream.resets).toEqual([ResetCode.CANCEL]);
    expect([events, stream.written]).toEqual([[], []]);
  });
});

describe('a peer that does not read', () => {
  const large = { type: 'large', text: 'x'.repeat(200_000) };

  it('may have at most 8 MiB waiting; beyond it, the owner is notified after the send', async () => {
    const { control, events, stream } = open();
    stream.hasRoom = false;
    let sent = 0;
    while (stream.resets.length === 0) {
      control.send(large);
      sent++;
    }
    expect(events).toEqual([]);
    await Promise.resolve();
    expect(events).toEqual(['violation: the peer does not read its control stream']);
    // The first line was consumed: only later lines wait.
    expect(sent - 2).toBe(Math.floor((8 * 1024 * 1024) / (JSON.stringify(large).length + 1)));
  });

  it('has the whole limit again once it has read', () => {
    const { control, events, stream } = open();
    for (let round = 0; round < 3; round++) {
      stream.hasRoom = false;
      for (let i = 0; i < 40; i++) control.send(large);
      control.onDrain();
    }
    expect(events).toEqual([]);
    expect(stream.written).toHaveLength(120);
  });

  it('never receives a line over the limit', () => {
    const { control, stream } = open();
    expect(() => control.send({ type: 'x'.repeat(262_144) })).toThrow(RangeError);
    expect(stream.written).toEqual([]);
  });
});
