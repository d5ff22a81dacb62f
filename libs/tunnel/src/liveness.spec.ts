import { describe, expect, it } from 'vitest';
import { FrameType, GoAwayCode } from './frame.js';
import { Liveness } from './liveness.js';
import { openPair, openRaw } from './spec/tunnel-pair.js';

const TIMES = { pingIntervalMs: 20, pingTimeoutMs: 60 };

class Host {
  readonly pings: Buffer[] = [];
  readonly silence: Promise<void>;
  onSilence!: () => void;
  onPing: () => void = () => undefined;

  constructor() {
    this.silence = new Promise((resolve) => {
      this.onSilence = resolve;
    });
  }
  sendPing(payload: Buffer): void {
    this.pings.push(payload);
    this.onPing();
  }
}

describe('liveness', () => {
  it('measures the round trip by the PONG that answers the last PING, once', () => {
    const host = new Host();
    const liveness = new Liveness(host, TIMES);
    expect(host.pings).toHaveLength(1);
    expect(liveness.roundTripMs).toBe(0);
    liveness.handlePong(Buffer.alloc(8));
    liveness.handlePong(Buffer.from('7ff8000000000000', 'hex'));
    expect(liveness.roundTripMs).toBe(0);
    liveness.handlePong(host.pings[0]);
    const measured = liveness.roundTripMs;
    expect(measured).toBeGreaterThan(0);
    liveness.handlePong(host.pings[0]);
    expect(liveness.roundTripMs).toBe(measured);
    liveness.stop();
  });

  it('keeps the least round trip, which a busy tunnel does not lengthen, and follows a longer way slowly', async () => {
    const host = new Host();
    const liveness = new Liveness(host, { pingIntervalMs: 80, pingTimeoutMs: 60_000 });
    expect(liveness.baseRoundTripMs).toBe(2);
    /** Answers the latest PING after at least `delayMs`. Returns the round trip. */
    const measure = async (delayMs: number): Promise<number> => {
      const sentAt = (): number => host.pings.at(-1)!.readDoubleBE(0);
      while (performance.now() - sentAt() < delayMs) await new Promise((resolve) => setTimeout(resolve, 1));
      const next = new Promise<void>((resolve) => (host.onPing = resolve));
      liveness.handlePong(host.pings.at(-1)!);
      const measured = liveness.roundTripMs;
      await next;
      return measured;
    };
    let least = await measure(10);
    expect(liveness.baseRoundTripMs).toBe(least);
    for (let i = 0; i < 3; i++) {
      least = Math.min(await measure(40), least * 1.1);
      expect(liveness.baseRoundTripMs).toBe(least);
    }
    const shorter = await measure(5);
    expect(liveness.baseRoundTripMs).toBe(Math.max(2, Math.min(shorter, least * 1.1)));
    liveness.stop();
  });

  it('pings a silent peer every interval, then reports it as dead', async () => {
    const host = new Host();
    const start = performance.now();
    const liveness = new Liveness(host, { pingIntervalMs: 40, pingTimeoutMs: 200 });
    await host.silence;
    // A tick takes 10 ms, so the peer is dead at the 20th; on a slow machine, later.
    expect(performance.now() - start).toBeGreaterThanOrEqual(190);
    expect(host.pings.length).toBeGreaterThanOrEqual(4);
    expect(host.pings.length).toBeLessThanOrEqual(5);
    liveness.stop();
  });

  it('keeps a peer alive that sends anything at all', async () => {
    const host = new Host();
    const liveness = new Liveness(host, TIMES);
    let silent = false;
    void host.silence.then(() => (silent = true));
    for (let i = 0; i < 30; i++) {
      liveness.heard();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(silent).toBe(false);
    // A peer that sends needs a PING only for the measurement.
    expect(host.pings.length).toBeLessThanOrEqual(3);
    liveness.stop();
  });

  it('does not report a peer as dead after a pause of its own process', async () => {
    const host = new Host();
    const liveness = new Liveness(host, TIMES);
    let silent = false;
    void host.silence.then(() => (silent = true));
    const asleep = new SharedArrayBuffer(4);
    Atomics.wait(new Int32Array(asleep), 0, 0, 200);
    await new Promise((resolve) => setImmediate(resolve));
    expect(silent).toBe(false);
    liveness.stop();
  });
});

describe('a tunnel', () => {
  it('ends, with its streams, when the peer falls silent', async () => {
    const { edge, edgeRecorder, managerRecorder, edgeCarrier, managerCarrier } = await openPair(TIMES);
    managerCarrier.stall();
    edgeCarrier.stall();
    expect(await edgeRecorder.until('close')).toBe('close TIMEOUT: the peer was silent for too long true');
    expect(await managerRecorder.until('close')).toMatch(/^close TIMEOUT/);
    expect(edge.state).toBe('closed');
  });

  it('stays open in silence when both ends answer pings', async () => {
    const { edge, edgeRecorder, manager } = await openPair(TIMES);
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(edgeRecorder.events).toEqual(['open']);
    expect(edge.roundTripMs).toBeGreaterThan(0);
    expect(manager.roundTripMs).toBeGreaterThan(0);
    edge.close(GoAwayCode.NORMAL, '');
  });

  it('answers PING with the same payload, at once', async () => {
    const { peer, tunnel, carrier } = await openRaw();
    const pongs: Buffer[] = [];
    const { onMessage } = peer;
    peer.onMessage = (bytes) => {
      if (bytes[0] === FrameType.PONG) pongs.push(Buffer.from(bytes.subarray(8, 16)));
      onMessage.call(peer, bytes);
    };
    peer.send(FrameType.PING, 0, 'abcdefgh');
    await peer.settled();
    expect(pongs.map(String)).toEqual(['abcdefgh']);
    expect(carrier.bufferedBytes).toBe(0);
    tunnel.close(GoAwayCode.NORMAL, '');
  });
});
