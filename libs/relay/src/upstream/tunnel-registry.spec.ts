import type { Stream, StreamHandler, StreamTarget, Tunnel, TunnelState } from '@culvert/tunnel';
import { describe, expect, it } from 'vitest';
import type { RemoteTunnels } from './remote-tunnels.js';
import type { Dialed } from './stream-pool.js';
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

  it('spreads streams over tunnels that work, by what is open on them and how far they are', () => {
    const registry = new TunnelRegistry();
    const [near, far] = [new FakeTunnel(), new FakeTunnel()];
    for (const tunnel of [near, far]) {
      tunnel.maxStreams = 1000;
      registry.attach('m', tunnel);
    }
    near.receivedBytes = 1;
    [near.roundTripMs, far.roundTripMs] = [9, 39];
    const used: object[] = [];
    for (let i = 0; i < 10; i++) {
      const opened = registry.openStream('m', target, handler);
      if (typeof opened === 'string') continue;
      used.push(opened.origin);
      (opened.origin as FakeTunnel).streamCount++;
    }
    expect([near.streamCount, far.streamCount]).toEqual([8, 2]);
  });

  // A tunnel whose peer vanished without a word takes bytes for seconds. Its successor comes from the same manager.
  it('leaves an older tunnel alone until something has come through it since the newer one was attached', () => {
    const registry = new TunnelRegistry();
    const [older, newer] = [new FakeTunnel(), new FakeTunnel()];
    older.receivedBytes = 500;
    registry.attach('m', older);
    expect(registry.isUsable('m', older)).toBe(true);
    registry.attach('m', newer);
    newer.streamCount = 5;
    expect(registry.openStream('m', target, handler)).toMatchObject({ origin: newer });
    expect([registry.isUsable('m', older), registry.isUsable('m', newer)]).toEqual([false, true]);
    older.receivedBytes += 8;
    expect(registry.openStream('m', target, handler)).toMatchObject({ origin: older });
    expect(registry.isUsable('m', older)).toBe(true);
  });

  it('reports changes of what it holds', () => {
    const registry = new TunnelRegistry();
    const changes: string[] = [];
    registry.join(new FakeRemote(), {
      onChange: (id) => changes.push(`${id} ${registry.isHeld(id)}`),
    });
    const tunnel = new FakeTunnel();
    registry.attach('m', tunnel);
    tunnel.state = 'draining';
    registry.noteChange('m');
    registry.detach('m', tunnel);
    registry.detach('m', tunnel);
    expect(changes).toEqual(['m true', 'm false', 'm false']);
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

/** Another edge's tunnels. */
class FakeRemote implements RemoteTunnels {
  answer: Dialed | 'absent' | 'full' = 'absent';
  usable: object | null = null;
  readonly targets: StreamTarget[] = [];
  openStream(asked: StreamTarget): Dialed | 'absent' | 'full' {
    this.targets.push(asked);
    return this.answer;
  }
  isUsable(_id: string, origin: object): boolean {
    return origin === this.usable;
  }
}

describe('the tunnels of other edges', () => {
  const link = {};
  const far: Dialed = { stream: {} as Stream, origin: link };

  it('are used without a tunnel here, and the target names the traffic manager', () => {
    const registry = new TunnelRegistry();
    const remote = new FakeRemote();
    registry.join(remote, { onChange() {} });
    remote.answer = far;
    expect(registry.dialer('m', target).dial(handler)).toBe(far);
    expect(remote.targets).toEqual([{ ...target, trafficManagerId: 'm' }]);
  });

  it('are left alone while a tunnel here has room, and used when all here are full', () => {
    const registry = new TunnelRegistry();
    const remote = new FakeRemote();
    registry.join(remote, { onChange() {} });
    remote.answer = far;
    const tunnel = new FakeTunnel();
    registry.attach('m', tunnel);
    expect(registry.openStream('m', target, handler)).toMatchObject({ origin: tunnel });
    expect(remote.targets).toEqual([]);
    tunnel.isFull = true;
    expect(registry.openStream('m', target, handler)).toBe(far);
  });

  it.each([
    ['absent', 'absent', 'absent'],
    ['absent', 'full', 'full'],
    ['full', 'absent', 'full'],
    ['full', 'full', 'full'],
  ] as const)('that are %s here and %s there make %s', (here, there, both) => {
    const registry = new TunnelRegistry();
    const remote = new FakeRemote();
    registry.join(remote, { onChange() {} });
    remote.answer = there;
    const tunnel = new FakeTunnel();
    tunnel.isFull = true;
    if (here === 'full') registry.attach('m', tunnel);
    expect(registry.openStream('m', target, handler)).toBe(both);
  });

  it('keep their idle streams until this edge has a tunnel', () => {
    const registry = new TunnelRegistry();
    const remote = new FakeRemote();
    registry.join(remote, { onChange() {} });
    remote.usable = link;
    const dialer = registry.dialer('m', target);
    expect([dialer.isPreferred(link), dialer.isPreferred({})]).toEqual([true, false]);
    const tunnel = new FakeTunnel();
    registry.attach('m', tunnel);
    expect([dialer.isPreferred(link), dialer.isPreferred(tunnel)]).toEqual([false, true]);
  });

  it('are not used for streams of another edge', () => {
    const registry = new TunnelRegistry();
    const remote = new FakeRemote();
    registry.join(remote, { onChange() {} });
    remote.answer = far;
    expect(registry.openLocal('m', target, handler, 1)).toBe('absent');
  });
});
