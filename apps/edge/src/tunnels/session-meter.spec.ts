import type { Tunnel } from '@culvert/tunnel';
import { describe, expect, it } from 'vitest';
import { SessionMeter } from './session-meter.js';

class FakeTunnel implements Tunnel {
  readonly kind = 'native';
  readonly state = 'open';
  readonly maxStreams = 10;
  streamCount = 0;
  roundTripMs = 0;
  receivedBytes = 0;
  sentBytes = 0;

  openStream(): null {
    return null;
  }
}

describe(SessionMeter.name, () => {
  it('reports each byte once, whichever tunnel carried it and whether that is still open', () => {
    const meter = new SessionMeter();
    const [a, b] = [new FakeTunnel(), new FakeTunnel()];
    meter.add(a);
    meter.add(b);
    a.receivedBytes = 10;
    b.sentBytes = 5;
    const first = meter.read();
    expect(first).toMatchObject({ receivedBytes: 10, sentBytes: 5 });
    meter.settle(first);
    a.receivedBytes = 17;
    meter.remove(a);
    meter.remove(a);
    b.sentBytes = 6;
    const second = meter.read();
    expect(second).toMatchObject({ receivedBytes: 7, sentBytes: 1 });
    meter.settle(second);
    expect(meter.read()).toMatchObject({ receivedBytes: 0, sentBytes: 0 });
  });

  it('reports a load again until it is settled', () => {
    const meter = new SessionMeter();
    const tunnel = new FakeTunnel();
    meter.add(tunnel);
    tunnel.receivedBytes = 10;
    meter.read();
    tunnel.receivedBytes = 15;
    expect(meter.read().receivedBytes).toBe(15);
  });

  it('measures the newest tunnel, and counts the streams of all', () => {
    const meter = new SessionMeter();
    expect(meter.read()).toMatchObject({ streamCount: 0, roundTripMs: null });
    const [old, young] = [new FakeTunnel(), new FakeTunnel()];
    Object.assign(old, { streamCount: 2, roundTripMs: 80 });
    meter.add(old);
    expect(meter.read()).toMatchObject({ streamCount: 2, roundTripMs: 80 });
    young.streamCount = 1;
    meter.add(young);
    expect(meter.read()).toMatchObject({ streamCount: 3, roundTripMs: null });
    young.roundTripMs = 12;
    expect(meter.read().roundTripMs).toBe(12);
  });
});
