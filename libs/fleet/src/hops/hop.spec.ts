/** Streams that pass two edges: a visitor's edge, and the one that holds the manager's tunnel. All on real connections. */
import { StreamRecorder } from '@culvert/testkit';
import { ResetCode, type StreamTarget } from '@culvert/tunnel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Link } from '../links/links.js';
import type { HopAcceptor } from './hop-acceptor.js';
import { type Edge, EdgeRig, MANAGER, type ManagerTunnel, TARGET } from '../spec/edges.js';

let rig: EdgeRig;
/** Serves the visitor, and holds no tunnel. */
let entry: Edge;
let holder: Edge;

beforeEach(async () => {
  rig = new EdgeRig();
  [entry, holder] = [await rig.start(), await rig.start()];
});
afterEach(() => rig.stop());

/** A stream from `entry` through `holder` to the manager, with both its ends. */
async function openHop(manager: ManagerTunnel, edge = entry) {
  const index = manager.streams.length;
  const near = new StreamRecorder();
  const { stream, origin, maxIdleMs } = await rig.open(edge, near);
  const far = await manager.arrival(index);
  const farRecorder = new StreamRecorder();
  far.handler = farRecorder;
  far.resume();
  return { stream, origin, maxIdleMs, near, far, farRecorder };
}

describe('a stream through another edge', () => {
  it('carries bytes both ways, in order, and its target without the traffic manager', async () => {
    const manager = await rig.connectManager(holder);
    const { stream, near, far, farRecorder } = await openHop(manager);
    const [up, down] = [Buffer.alloc(3_000_000, 'upward'), Buffer.alloc(3_000_000, 'downward')];
    stream.write(up);
    far.write(down);
    await farRecorder.untilTrue(() => farRecorder.bytes === up.length);
    await near.untilTrue(() => near.bytes === down.length);
    expect(Buffer.concat(farRecorder.chunks).equals(up)).toBe(true);
    expect(Buffer.concat(near.chunks).equals(down)).toBe(true);
    const { trafficManagerId: _left, ...target } = TARGET;
    expect(manager.targets[0]).toStrictEqual(target);
  });

  it('reports that the ingress is connected', async () => {
    const { near, far } = await openHop(await rig.connectManager(holder));
    expect(near.events).toEqual([]);
    far.accept();
    expect(await near.until('open')).toBe('open');
  });

  it.each(['visitor', 'service'] as const)('ends the direction of the %s first', async (who) => {
    const { stream, near, far, farRecorder } = await openHop(await rig.connectManager(holder));
    const [first, last] = who === 'visitor' ? [stream, far] : [far, stream];
    const [firstSees, lastSees] = who === 'visitor' ? [near, farRecorder] : [farRecorder, near];
    first.write(Buffer.from('all'));
    first.end();
    await lastSees.until('end');
    last.write(Buffer.from('still'));
    last.end();
    await firstSees.until('end');
    expect(Buffer.concat(firstSees.chunks).toString()).toBe('still');
    expect(near.events.join()).not.toContain('reset');
    await expect.poll(() => holder.fleet.figures.hops).toBe(0);
  });

  it('passes on why the service reset it', async () => {
    const { near, far } = await openHop(await rig.connectManager(holder));
    far.reset(ResetCode.INGRESS_REFUSED, 'connection refused by web:80');
    expect(await near.until('reset')).toBe('reset INGRESS_REFUSED: connection refused by web:80');
    expect(holder.fleet.figures.hops).toBe(0);
  });

  it('passes on that the visitor left', async () => {
    const { stream, farRecorder } = await openHop(await rig.connectManager(holder));
    stream.reset(ResetCode.CANCEL, 'the visitor left');
    expect(await farRecorder.until('reset')).toBe('reset CANCEL: the visitor left');
    expect(holder.fleet.figures.hops).toBe(0);
  });

  it('makes the service wait for a visitor that does not read', async () => {
    const { stream, near, far, farRecorder } = await openHop(await rig.connectManager(holder));
    stream.pause();
    const chunk = Buffer.alloc(65_536);
    let written = 0;
    // What both tunnels and both connections hold is bounded: their windows, and the buffers of the system.
    while (far.write(chunk) && written < 64 * 1_048_576) {
      written += chunk.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(written).toBeLessThan(64 * 1_048_576);
    expect(near.bytes).toBe(0);
    stream.resume();
    await farRecorder.until('drain');
    await near.untilTrue(() => near.bytes === written + chunk.length);
  });

  it('makes the visitor wait for a service that does not read', async () => {
    const { stream, near, far, farRecorder } = await openHop(await rig.connectManager(holder));
    far.pause();
    const chunk = Buffer.alloc(65_536);
    let written = 0;
    while (stream.write(chunk) && written < 64 * 1_048_576) {
      written += chunk.length;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(written).toBeLessThan(64 * 1_048_576);
    far.resume();
    await near.until('drain');
    await farRecorder.untilTrue(() => farRecorder.bytes === written + chunk.length);
  });

  it('is lost with the tunnel of the manager, as on the edge that holds it', async () => {
    const manager = await rig.connectManager(holder);
    const { near } = await openHop(manager);
    manager.manager.close(0, 'bye');
    expect(await near.until('reset')).toMatch(/^reset TUNNEL_LOST/);
  });

  it('is lost with the link', async () => {
    const { near } = await openHop(await rig.connectManager(holder));
    await holder.fleet.close();
    expect(await near.until('reset')).toMatch(/^reset TUNNEL_LOST/);
  });

  it('uses one link for both directions', async () => {
    const [atHolder, atEntry] = [
      await rig.connectManager(holder),
      await rig.connectManager(entry, {}, OTHER),
    ];
    await openHop(atHolder);
    const near = new StreamRecorder();
    await rig.open(holder, near, { ...TARGET, trafficManagerId: OTHER });
    await atEntry.arrival();
    const opened = [...entry.log, ...holder.log].filter((line) => line.startsWith('link open'));
    expect(opened).toHaveLength(2);
  });
});

const OTHER = '11111111-8f55-4d0a-9a53-6d5a2a4b7c10';

describe('an edge without a tunnel of the traffic manager', () => {
  it('uses its own tunnel as soon as it has one', async () => {
    const far = await rig.connectManager(holder);
    const { origin } = await openHop(far);
    expect(entry.registry.isUsable(MANAGER, origin)).toBe(true);
    const near = await rig.connectManager(entry);
    expect((await rig.open(entry, new StreamRecorder())).origin).toBe(near.tunnel);
    expect(entry.registry.isUsable(MANAGER, origin)).toBe(false);
  });

  it('uses no idle stream of an edge that no longer holds the manager', async () => {
    const manager = await rig.connectManager(holder);
    const { origin } = await openHop(manager);
    holder.registry.detach(MANAGER, manager.tunnel);
    expect(entry.registry.isUsable(MANAGER, origin)).toBe(false);
  });

  it('learns how long streams of a Telepresence manager may be idle', async () => {
    const manager = await rig.connectManager(holder);
    Object.assign(manager.tunnel, { maxIdleStreamMs: 1234 });
    holder.registry.detach(MANAGER, manager.tunnel);
    holder.registry.attach(MANAGER, manager.tunnel);
    expect((await openHop(manager)).maxIdleMs).toBe(1234);
  });

  it('is refused a stream when the other has lost the manager, and stops asking it', async () => {
    const manager = await rig.connectManager(holder);
    await openHop(manager);
    // The directory still names it, as it does for a moment after any loss.
    const holding = holder.directory.holdings.get(MANAGER)!;
    holder.registry.detach(MANAGER, manager.tunnel);
    entry.directory.holdersOf(MANAGER);
    holder.directory.report(MANAGER, holding);
    const near = new StreamRecorder();
    await rig.open(entry, near);
    expect(await near.until('reset')).toMatch(/^reset NO_TUNNEL/);
    expect(entry.registry.openStream(MANAGER, TARGET, new StreamRecorder())).toBe('absent');
  });

  it('has streams wait for a manager that is not ready for their target yet', async () => {
    const manager = await rig.connectManager(holder);
    let isReady = false;
    Object.assign(manager.tunnel, { isReadyFor: () => isReady });
    const near = new StreamRecorder();
    const { stream } = await rig.open(entry, near);
    stream.write(Buffer.from('early'));
    await expect.poll(() => holder.registry.isHeld(MANAGER)).toBe(true);
    // The stream has arrived once a second one, opened after it, is refused.
    const probe = new StreamRecorder();
    await rig.open(entry, probe, { ...TARGET, trafficManagerId: MANAGER });
    expect(manager.streams).toHaveLength(0);
    isReady = true;
    await expect
      .poll(() => {
        holder.registry.wake(MANAGER);
        return manager.streams.length;
      })
      .toBe(2);
    const far = await manager.arrival();
    const farRecorder = new StreamRecorder();
    far.handler = farRecorder;
    far.resume();
    await farRecorder.untilTrue(() => farRecorder.bytes === 5);
    expect(near.events.join()).not.toContain('reset');
  });

  it('passes on an end that came while a stream waited for its manager', async () => {
    const manager = await rig.connectManager(holder);
    let isReady = false;
    let asked = 0;
    Object.assign(manager.tunnel, { isReadyFor: () => (asked++, isReady) });
    // Both leave in one batch, so the end has arrived when the manager is asked.
    const { stream } = await rig.open(entry, new StreamRecorder());
    stream.end();
    await expect.poll(() => asked).toBeGreaterThan(0);
    isReady = true;
    holder.registry.wake(MANAGER);
    (await manager.arrival()).end();
    // Both sides have ended, so the hop is over.
    await expect.poll(() => holder.fleet.figures.hops).toBe(0);
  });

  it('keeps using a manager that does not know one of its intercepts', async () => {
    // Fault: NO_TUNNEL for one intercept made the other edge doubt the holder, for all previews of the manager.
    const manager = await rig.connectManager(holder);
    Object.assign(manager.tunnel, { isReadyFor: ({ interceptId }: StreamTarget) => interceptId !== 'stale' });
    Object.assign((holder.fleet as unknown as { acceptor: HopAcceptor }).acceptor, { readyWaitMs: 20 });
    const near = new StreamRecorder();
    await rig.open(entry, near, { ...TARGET, interceptId: 'stale' });
    expect(await near.until('reset')).toBe(
      'reset INGRESS_UNREACHABLE: the traffic manager does not know the intercept',
    );
    await openHop(manager);
    expect(entry.directory.disbelieved.size).toBe(0);
  });

  it('gets no more of a tunnel for one preview than the preview gets at the edge that holds it', async () => {
    const manager = await rig.connectManager(holder, { maxStreams: 8 });
    const outcomes: string[] = [];
    for (let i = 0; i < 5; i++) {
      const near = new StreamRecorder();
      await rig.open(entry, near);
      if (i < 4) (await manager.arrival(i)).accept();
      outcomes.push((await near.untilTrue(() => near.events[0])).split(':')[0]);
    }
    expect(outcomes).toEqual(['open', 'open', 'open', 'open', 'reset STREAM_LIMIT']);
    // What was full is not asked again for a moment.
    expect(entry.registry.openStream(MANAGER, TARGET, new StreamRecorder())).toBe('full');
  });

  it('gets its room whatever another team has under the same intercept ID', async () => {
    // Fault: hops were counted by intercept ID alone, so that those of one team used up the share of another.
    await rig.connectManager(holder, { maxStreams: 4 });
    const other = await rig.connectManager(holder, { maxStreams: 16 }, OTHER);
    for (let i = 0; i < 6; i++) {
      await rig.open(entry, new StreamRecorder(), { ...TARGET, trafficManagerId: OTHER });
      (await other.arrival(i)).accept();
    }
    const near = new StreamRecorder();
    await rig.open(entry, near);
    await expect.poll(() => holder.fleet.figures.hops).toBe(7);
    expect(near.events).toEqual([]);
  });

  it('uses the holder with the least work', async () => {
    const third = await rig.start();
    const [busy, quiet] = [await rig.connectManager(holder), await rig.connectManager(third)];
    for (let i = 0; i < 2; i++) await rig.open(entry, new StreamRecorder());
    await expect.poll(() => entry.fleet.figures.links).toBe(2);
    await expect.poll(() => busy.streams.length + quiet.streams.length).toBe(2);
    holder.directory.report(MANAGER, { tunnelCount: 1, streamCount: 50, roundTripMs: 0 });
    third.directory.report(MANAGER, { tunnelCount: 1, streamCount: 0, roundTripMs: 0 });
    const before = quiet.streams.length;
    await rig.open(entry, new StreamRecorder());
    await quiet.arrival(before);
    expect(quiet.streams.length).toBe(before + 1);
  });

  it('uses another holder when one is gone', async () => {
    const third = await rig.start();
    await rig.connectManager(holder);
    const left = await rig.connectManager(third);
    await rig.open(entry, new StreamRecorder());
    await holder.fleet.close();
    const before = left.streams.length;
    await rig.open(entry, new StreamRecorder());
    await left.arrival(before);
    expect(left.streams.length).toBeGreaterThan(before);
  });
});

describe('an edge that stops', () => {
  it('finishes the streams of others, which open no more with it', async () => {
    const manager = await rig.connectManager(holder);
    const { stream, near, far } = await openHop(manager);
    manager.tunnel.goAway(8, 'moving', { graceMs: 10_000 });
    const drained = holder.fleet.drain(10_000);
    await expect.poll(() => entry.registry.openStream(MANAGER, TARGET, new StreamRecorder())).toBe('absent');
    far.write(Buffer.from('last words'));
    far.end();
    stream.end();
    await near.until('end');
    await drained;
    expect(Buffer.concat(near.chunks).toString()).toBe('last words');
  });
});

describe('a link that is full', () => {
  const linkSettings = { maxStreams: 16 };
  const id = (index: number): string => `crowd-${index}`;

  /** Has eight traffic managers open as many streams as they get. */
  async function crowd(): Promise<void> {
    for (let i = 0; i < 8; i++) {
      await rig.connectManager(holder, {}, id(i));
      await rig.open(entry, new StreamRecorder(), { ...TARGET, trafficManagerId: id(i) });
    }
    for (let n = 0; n < 16; n++)
      for (let i = 0; i < 8; i++)
        entry.registry.openStream(
          id(i),
          { ...TARGET, interceptId: `${n}`, trafficManagerId: id(i) },
          new StreamRecorder(),
        );
  }

  beforeEach(async () => {
    [entry, holder] = [await rig.start({ linkSettings }), await rig.start({ linkSettings })];
    await rig.connectManager(holder);
  });

  it('keeps room for a newcomer', async () => {
    // Fault: the room of a link was divided among routes only, so that one team took all of it.
    await crowd();
    expect(entry.registry.openStream(MANAGER, TARGET, new StreamRecorder())).toBeTypeOf('object');
  });

  it('gives one traffic manager at most half of itself', async () => {
    const { origin } = await rig.open(entry, new StreamRecorder());
    const { tunnel } = (origin as { link: Link }).link;
    let opened = 1;
    while (
      typeof entry.registry.openStream(
        MANAGER,
        { ...TARGET, interceptId: `${opened}` },
        new StreamRecorder(),
      ) === 'object'
    )
      opened++;
    expect([opened, tunnel.streamCount]).toEqual([8, 8]);
  });

  it('is joined by others, up to four, and wakes what waits', async () => {
    await crowd();
    const linkCount = () => entry.log.filter((line) => line.startsWith('link open')).length;
    for (let links = 1; links < 4; links++) {
      let index = 0;
      while (
        entry.registry.openStream(id(0), { ...TARGET, trafficManagerId: id(0) }, new StreamRecorder()) !==
        'full'
      )
        if (++index > 64) throw new Error('the link never was full');
      await new Promise<void>((resolve) => entry.registry.onArrival(id(0), resolve));
      await expect.poll(linkCount).toBe(links + 1);
      await crowd();
    }
    expect(linkCount()).toBe(4);
  });
});

describe('a stream of a link', () => {
  it('never takes a second hop', async () => {
    const third = await rig.start();
    await rig.connectManager(third);
    // The directory of `entry` names `holder`, which has no tunnel but could reach `third`.
    await rig.open(holder, new StreamRecorder());
    third.directory.report(MANAGER, null);
    holder.directory.report(MANAGER, { tunnelCount: 1, streamCount: 0, roundTripMs: 0 });
    const near = new StreamRecorder();
    await rig.open(entry, near);
    expect(await near.until('reset')).toMatch(/^reset NO_TUNNEL/);
  });

  it('without a traffic manager is refused', async () => {
    await rig.connectManager(holder);
    const { origin } = await rig.open(entry, new StreamRecorder());
    const near = new StreamRecorder();
    const { trafficManagerId: _left, ...target } = TARGET;
    (origin as { link: Link }).link.tunnel.openStream(target, near);
    expect(await near.until('reset')).toMatch(/^reset FORBIDDEN/);
  });
});
