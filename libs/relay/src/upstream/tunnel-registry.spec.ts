import type { Stream, StreamHandler, StreamTarget, Tunnel, TunnelState } from '@culvert/tunnel';
import { describe, expect, it } from 'vitest';
import { TunnelRegistry } from './tunnel-registry.js';

class FakeTunnel implements Tunnel {
  readonly kind = 'native';
  state: TunnelState = 'open';
  streamCount = 0;
  maxStreams = 8;
  roundTripMs = 0;
  receivedBytes = 0;
  sentBytes = 0;
  maxIdleStreamMs?: number;
  isFull = false;
  openStream(): Stream | null {
    return this.isFull ? null : ({} as Stream);
  }
}

const target = {} as StreamTarget;
const handler = {} as StreamHandler;

describe(TunnelRegistry.name, () => {
  it('prefers the newest tunnel that is open', () => {
    const registry = new TunnelRegistry();
    const [older, newer] = [new FakeTunnel(), new FakeTunnel()];
    registry.attach('m', older);
    registry.attach('m', newer);
    expect(registry.preferred('m')).toBe(newer);
    newer.state = 'draining';
    expect(registry.preferred('m')).toBe(older);
    registry.detach('m', older);
    expect(registry.preferred('m')).toBeNull();
  });

  it('returns the idle time and the round trip of a stream from what its tunnel reports', () => {
    const registry = new TunnelRegistry();
    const tunnel = new FakeTunnel();
    registry.attach('m', tunnel);
    expect(registry.openStream('m', target, handler)).toMatchObject({ maxIdleMs: undefined });
    tunnel.maxIdleStreamMs = 1000;
    tunnel.roundTripMs = 40;
    expect(registry.openStream('m', target, handler)).toMatchObject({ maxIdleMs: 1000, roundTripMs: 40 });
  });

  it('uses an older tunnel when the newest is full, and distinguishes full from absent', () => {
    const registry = new TunnelRegistry();
    const [older, newer] = [new FakeTunnel(), new FakeTunnel()];
    expect(registry.openStream('m', target, handler)).toBe('absent');
    registry.attach('m', older);
    registry.attach('m', newer);
    newer.isFull = true;
    expect(registry.openStream('m', target, handler)).toMatchObject({ origin: older });
    older.isFull = true;
    expect(registry.openStream('m', target, handler)).toBe('full');
    older.state = newer.state = 'closed';
    expect(registry.openStream('m', target, handler)).toBe('absent');
  });

  it('gives a route at most as many streams of a tunnel as it leaves for others', () => {
    const registry = new TunnelRegistry();
    const tunnel = new FakeTunnel();
    registry.attach('m', tunnel);
    const open = (inUse: number): boolean => {
      const isOpened = registry.openStream('m', target, handler, inUse) !== 'full';
      if (isOpened) tunnel.streamCount++;
      return isOpened;
    };
    expect([1, 2, 3, 4, 5].map(open)).toEqual([true, true, true, true, false]);
    expect([1, 2, 3].map(open)).toEqual([true, true, false]);
    expect([1, 2].map(open)).toEqual([true, false]);
    expect([1, 1].map(open)).toEqual([true, false]);
  });

  it('calls each waiter for a manager once, and no others', () => {
    const registry = new TunnelRegistry();
    const calls: string[] = [];
    registry.onArrival('m', () => calls.push('a'));
    registry.onArrival('m', () => calls.push('b'))();
    registry.onArrival('other', () => calls.push('c'));
    registry.attach('m', new FakeTunnel());
    registry.attach('m', new FakeTunnel());
    expect(calls).toEqual(['a']);
  });
});
