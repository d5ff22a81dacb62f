import { beforeEach, describe, expect, it } from 'vitest';
import { FakeTunnel } from '../spec/fake-tunnel.js';
import { MAX_IDLE_BYTES, TunnelMeter } from './tunnel-meter.js';

describe(TunnelMeter.name, () => {
  let tunnel: FakeTunnel;
  let meter: TunnelMeter;
  beforeEach(() => {
    tunnel = new FakeTunnel();
    meter = new TunnelMeter('t1', tunnel);
  });

  it('reports each byte once', () => {
    tunnel.receivedBytes = 10;
    tunnel.sentBytes = 5;
    const first = meter.read();
    expect(first).toEqual({
      id: 't1',
      streamCount: 0,
      roundTripMs: null,
      receivedBytes: 10,
      sentBytes: 5,
    });
    // Passed while the report was under way.
    tunnel.receivedBytes = 17;
    meter.settle(first);
    expect(meter.read()).toMatchObject({ receivedBytes: 7, sentBytes: 0 });
  });

  it('reports a load again that was not settled', () => {
    tunnel.receivedBytes = 10;
    meter.read();
    tunnel.receivedBytes = 15;
    expect(meter.read().receivedBytes).toBe(15);
  });

  it('keeps the figures of its end, from which a report under way can still be settled', () => {
    tunnel.receivedBytes = 10;
    const report = meter.read();
    tunnel.receivedBytes = 17;
    meter.finish();
    tunnel.receivedBytes = 99;
    meter.settle(report);
    expect(meter.read().receivedBytes).toBe(7);
  });

  it('sees no change in an idle tunnel, however long it is idle, and loses none of its bytes', () => {
    let seen = 0;
    for (let i = 0; i < 10_000; i++) {
      tunnel.receivedBytes += MAX_IDLE_BYTES / 2;
      tunnel.sentBytes += MAX_IDLE_BYTES / 2;
      if (meter.look()) seen++;
    }
    expect(seen).toBe(0);
    expect(meter.read().receivedBytes).toBe(5000 * MAX_IDLE_BYTES);
  });

  it('sees bytes of streams', () => {
    tunnel.sentBytes = MAX_IDLE_BYTES + 1;
    expect(meter.look()).toBe(true);
    expect(meter.look()).toBe(false);
  });

  it('sees that a stream opened or closed until that is reported', () => {
    tunnel.streamCount = 1;
    expect([meter.look(), meter.look()]).toEqual([true, true]);
    meter.settle(meter.read());
    expect(meter.look()).toBe(false);
    tunnel.streamCount = 0;
    expect(meter.look()).toBe(true);
  });

  it.each([
    ['its first measurement', 0, 0.2, true],
    ['a difference of less than 10 ms', 2, 11, false],
    ['a difference of less than half', 100, 149, false],
    ['half again as much', 100, 150, true],
    ['half as much', 100, 50, true],
  ])('judges %s of the round trip', (_what, before, after, isChange) => {
    tunnel.roundTripMs = before;
    meter.settle(meter.read());
    tunnel.roundTripMs = after;
    const looks = Array.from({ length: 60 }, () => meter.look());
    expect(looks.at(-1)).toBe(isChange);
  });

  it('reports an idle tunnel whose round trip varies at most once in ten minutes', () => {
    tunnel.roundTripMs = 20;
    meter.settle(meter.read());
    let reports = 0;
    for (let i = 0; i < 360; i++) {
      tunnel.roundTripMs = i % 2 === 0 ? 20 : 60;
      if (!meter.look()) continue;
      reports++;
      meter.settle(meter.read());
    }
    // An hour, in which every second look finds the round trip that was reported.
    expect(reports).toBe(5);
  });
});
