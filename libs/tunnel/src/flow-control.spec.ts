import { afterEach, describe, expect, it } from 'vitest';
import { FrameType, GoAwayCode } from './frame.js';
import { TARGET, u32 } from './spec/raw-peer.js';
import { liveBytes, StreamRecorder } from '@culvert/testkit';
import { openPair, openRaw, openStream } from './spec/tunnel-pair.js';
import type { TunnelConnection } from './connection.js';

const KIB = 1024;
const MIB = 1024 * KIB;
const WINDOW = 16 * KIB;

/** Windows that do not grow, so that the numbers of a test are exact. */
const FIXED = { windowBytes: WINDOW, openWindowBytes: WINDOW, maxWindowBytes: WINDOW, maxStreams: 64 };

const toClose: TunnelConnection[] = [];
afterEach(() => {
  for (const tunnel of toClose.splice(0)) tunnel.close(GoAwayCode.NORMAL, 'the test is over');
});

async function pair(...settings: Parameters<typeof openPair>): ReturnType<typeof openPair> {
  const opened = await openPair(...settings);
  toClose.push(opened.edge, opened.manager);
  return opened;
}

async function raw(settings: Parameters<typeof openRaw>[0]) {
  const opened = await openRaw(settings);
  toClose.push(opened.tunnel);
  return opened;
}

describe('the sender', () => {
  it('sends at most its credit, then continues with every WINDOW', async () => {
    const { peer, tunnel } = await raw(FIXED);
    const recorder = new StreamRecorder();
    const stream = tunnel.openStream(TARGET, recorder)!;
    expect(stream.write(Buffer.alloc(WINDOW + 1000, 1))).toBe(false);
    const bytesOf = async (): Promise<number> =>
      (await peer.settled())
        .filter(({ type }) => type === FrameType.DATA)
        .reduce((sum, { payload }) => sum + payload.length, 0);
    expect(await bytesOf()).toBe(WINDOW);
    peer.send(FrameType.WINDOW, stream.id, u32(400));
    expect(await bytesOf()).toBe(400);
    expect(recorder.events).toEqual([]);
    peer.send(FrameType.WINDOW, stream.id, u32(601));
    expect(await bytesOf()).toBe(600);
    expect(recorder.events).toEqual(['drain']);
    expect(stream.write(Buffer.from('x'))).toBe(false);
    expect(await bytesOf()).toBe(1);
  });

  it('keeps no more of a message than twice the part of it that waits for credit', async () => {
    // Fault: a slice kept its whole message alive, so a peer that sent padded messages and granted no credit could exhaust
    // the memory of an edge with few bytes.
    const { tunnel } = await raw(FIXED);
    const before = await liveBytes();
    for (let i = 0; i < 32; i++) {
      const message = Buffer.allocUnsafeSlow(MIB);
      tunnel.openStream(TARGET, new StreamRecorder())!.write(message.subarray(0, WINDOW + 64 * KIB));
    }
    expect((await liveBytes()) - before).toBeLessThan(32 * 2 * (WINDOW + 64 * KIB));
  });

  it('sends END after bytes that wait for credit', async () => {
    const { peer, tunnel } = await raw(FIXED);
    const recorder = new StreamRecorder();
    const stream = tunnel.openStream(TARGET, recorder)!;
    stream.write(Buffer.alloc(WINDOW + 10));
    stream.end();
    expect((await peer.settled()).map(({ type }) => type)).toEqual([FrameType.OPEN, FrameType.DATA]);
    peer.send(FrameType.WINDOW, stream.id, u32(100));
    expect((await peer.settled()).map(({ type }) => type)).toEqual([FrameType.DATA, FrameType.END]);
    expect(recorder.events).toEqual([]);
  });

  it('uses the credit that comes with OPENED', async () => {
    const { peer, tunnel } = await raw(FIXED);
    const stream = tunnel.openStream(TARGET, new StreamRecorder())!;
    stream.write(Buffer.alloc(WINDOW + 10));
    await peer.settled();
    peer.send(FrameType.OPENED, stream.id, u32(10));
    expect((await peer.next(FrameType.DATA)).payload.length).toBe(10);
  });

  it('may reset an ended stream whose bytes the far end does not take', async () => {
    const { peer, tunnel } = await raw(FIXED);
    const recorder = new StreamRecorder();
    const stream = tunnel.openStream(TARGET, recorder)!;
    stream.write(Buffer.alloc(WINDOW + 10));
    stream.end();
    peer.send(FrameType.OPENED, stream.id, u32(0));
    peer.send(FrameType.END, stream.id);
    await recorder.until('end');
    expect(stream.isOpen).toBe(false);
    expect(tunnel.streamCount).toBe(1);
    stream.reset(1);
    expect(tunnel.streamCount).toBe(0);
    await peer.next(FrameType.RESET);
    expect(recorder.events).toEqual(['open', 'end']);
  });

  it('stops at a carrier that does not drain, with bounded memory, and calls onDrain afterwards', async () => {
    const both = await pair(
      { maxWindowBytes: 8 * MIB, openWindowBytes: 8 * MIB },
      { openWindowBytes: 8 * MIB },
    );
    const { near, nearRecorder, farRecorder } = await openStream(both);
    both.edgeCarrier.stall();
    let written = 0;
    while (near.write(Buffer.alloc(64 * KIB))) written += 64 * KIB;
    expect(written).toBeGreaterThanOrEqual(448 * KIB);
    expect(both.edgeCarrier.bufferedBytes).toBeLessThanOrEqual(512 * KIB + 128 * KIB);
    // `write` returned false for the last chunk, which is still sent.
    written += 64 * KIB;
    both.edgeCarrier.unstall();
    await nearRecorder.until('drain');
    await farRecorder.untilTrue(() => farRecorder.bytes === written);
  });

  it('serves streams in turns when the carrier was congested', async () => {
    const both = await pair({ openWindowBytes: 1 * MIB }, { openWindowBytes: 1 * MIB });
    const streams = [];
    for (let i = 0; i < 4; i++) streams.push(await openStream(both));
    both.edgeCarrier.stall();
    const [first, ...others] = streams;
    while (first.near.write(Buffer.alloc(64 * KIB)));
    first.near.write(Buffer.alloc(8 * MIB));
    for (const { near } of others) near.write(Buffer.alloc(48 * KIB));
    both.edgeCarrier.unstall();
    // The big one waited first, and yet the small ones finish long before it.
    for (const { farRecorder } of others) await farRecorder.untilTrue(() => farRecorder.bytes === 48 * KIB);
    expect(first.farRecorder.bytes).toBeLessThan(4 * MIB);
  });

  it('is not held up by another stream without credit', async () => {
    const both = await pair(FIXED, FIXED);
    const stalled = await openStream(both);
    const other = await openStream(both);
    stalled.far.pause();
    stalled.near.write(Buffer.alloc(10 * WINDOW));
    other.near.write(Buffer.alloc(10 * WINDOW));
    await other.farRecorder.untilTrue(() => other.farRecorder.bytes === 10 * WINDOW);
    expect(stalled.farRecorder.bytes).toBe(0);
  });

  it('ends the tunnel of a peer that makes it answer and does not read', async () => {
    const { peer, carrier, recorder, tunnel } = await raw({
      maxPingsPerSecond: 1_000_000,
      maxHeldControlBytes: 1000,
    });
    carrier.stall();
    const data = tunnel.openStream(TARGET, new StreamRecorder())!;
    peer.send(FrameType.OPENED, data.id, u32(4 * MIB));
    await peer.settled();
    for (let i = 0; i < 20 && data.write(Buffer.alloc(64 * KIB)); i++);
    for (let i = 0; i < 10_000; i++) peer.send(FrameType.PING, 0, '12345678');
    expect(await recorder.until('close')).toBe('close LIMIT: the peer does not read true');
    expect(carrier.bufferedBytes).toBeLessThan(MIB);
  });
});

describe('the receiver', () => {
  it('returns credit when half a window was consumed, not before', async () => {
    const { peer, recorder } = await raw(FIXED);
    peer.sendJson(FrameType.OPEN, 1, TARGET, u32(0));
    await recorder.until('stream 1');
    peer.send(FrameType.DATA, 1, Buffer.alloc(WINDOW / 2 - 1));
    expect(await peer.settled()).toEqual([]);
    peer.send(FrameType.DATA, 1, 'x');
    expect((await peer.settled()).map(({ type, payload }) => [type, payload.readUInt32BE(0)])).toEqual([
      [FrameType.WINDOW, WINDOW / 2],
    ]);
  });

  it('gives no credit while the handler is paused, and all of it when it resumes', async () => {
    const both = await pair(FIXED, FIXED);
    const { near, far, farRecorder } = await openStream(both);
    far.pause();
    near.write(Buffer.alloc(5 * WINDOW, 1));
    await openStream(both);
    expect(farRecorder.bytes).toBe(0);
    far.resume();
    expect(farRecorder.bytes).toBe(WINDOW);
    await farRecorder.untilTrue(() => farRecorder.bytes === 5 * WINDOW);
  });

  it('gives no credit to a peer that has ended', async () => {
    const { peer, recorder } = await raw(FIXED);
    peer.sendJson(FrameType.OPEN, 1, TARGET, u32(0));
    await recorder.until('stream 1');
    recorder.streams[0].pause();
    peer.send(FrameType.DATA, 1, Buffer.alloc(WINDOW));
    peer.send(FrameType.END, 1);
    await peer.settled();
    recorder.streams[0].resume();
    expect(recorder.recorders[0].events).toEqual(['data', 'end']);
    expect(await peer.settled()).toEqual([]);
  });

  it('opens streams with more than the least window while the budget allows', async () => {
    const { peer, tunnel, recorder } = await raw({
      ...FIXED,
      openWindowBytes: 48 * KIB,
      maxWindowBytes: MIB,
    });
    tunnel.openStream(TARGET, new StreamRecorder());
    expect((await peer.next(FrameType.OPEN)).payload.readUInt32BE(0)).toBe(32 * KIB);
    peer.sendJson(FrameType.OPEN, 1, TARGET, u32(0));
    await recorder.until('stream 1');
    recorder.streams[0].accept();
    expect((await peer.next(FrameType.OPENED)).payload.readUInt32BE(0)).toBe(32 * KIB);
  });

  it('grows a window that was consumed within two round trips, up to its limit', async () => {
    const both = await pair(
      { ...FIXED, maxWindowBytes: 128 * KIB, receiveBudgetBytes: 8 * MIB },
      { ...FIXED, receiveBudgetBytes: 8 * MIB },
    );
    Object.defineProperty(both.manager, 'baseRoundTripMs', { get: () => 10_000 });
    const { near, farRecorder } = await openStream(both);
    let sent = 0;
    const total = 4 * MIB;
    // Stalls the reader at the end and counts the outstanding bytes, which show the size of the window.
    while (sent < total) {
      near.write(Buffer.alloc(64 * KIB));
      sent += 64 * KIB;
      await farRecorder.untilTrue(() => farRecorder.bytes === sent);
    }
    both.managerRecorder.streams[0].pause();
    near.write(Buffer.alloc(MIB));
    await openStream(both);
    const before = farRecorder.bytes;
    both.managerRecorder.streams[0].resume();
    const outstanding = farRecorder.bytes - before;
    expect(outstanding).toBeGreaterThanOrEqual(64 * KIB);
    expect(outstanding).toBeLessThanOrEqual(128 * KIB);
  });

  it('grows no window whose consumer is the slow part', async () => {
    const both = await pair({ ...FIXED, maxWindowBytes: MIB, receiveBudgetBytes: 8 * MIB }, FIXED);
    Object.defineProperty(both.manager, 'baseRoundTripMs', { get: () => 0 });
    const { near, far, farRecorder } = await openStream(both);
    const total = 20 * WINDOW;
    near.write(Buffer.alloc(total));
    await farRecorder.untilTrue(() => farRecorder.bytes === total);
    far.pause();
    near.write(Buffer.alloc(MIB));
    await openStream(both);
    far.resume();
    expect(farRecorder.bytes - total).toBeLessThanOrEqual(WINDOW);
  });

  it('holds at most its budget for 1,000 stalled readers while the far side floods', async () => {
    const budget = 40 * MIB;
    const settings = { maxStreams: 1000, windowBytes: 32 * KIB, receiveBudgetBytes: budget };
    const both = await pair(settings, settings);
    const streams = [];
    for (let i = 0; i < 1000; i++) {
      const recorder = new StreamRecorder();
      const stream = both.edge.openStream(TARGET, recorder)!;
      stream.pause();
      streams.push(stream);
    }
    await both.managerRecorder.until(`stream ${streams.at(-1)!.id}`);
    const chunk = Buffer.alloc(MIB);
    for (const far of both.managerRecorder.streams) far.write(chunk);
    let before = -1;
    let held = 0;
    while (held !== before) {
      before = held;
      for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
      held = streams.reduce((sum, stream) => sum + waitingBytes(stream), 0);
    }
    expect(held).toBeGreaterThan(31 * MIB);
    expect(held).toBeLessThanOrEqual(budget);
    expect(both.edge.state).toBe('open');
    for (const stream of streams) stream.reset(1);
    expect(both.edge.streamCount).toBe(0);
    // Every share came back: the next stream gets a full window again.
    const { far } = await openStream(both);
    expect(far.write(Buffer.alloc(256 * KIB - 1))).toBe(true);
  });
});

function waitingBytes(stream: unknown): number {
  return (stream as { waiting: { size: number } }).waiting.size;
}
