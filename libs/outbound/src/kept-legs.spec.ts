import { EdgeFleet } from '@culvert/testkit';
import { GoAwayCode, goAwayName } from '@culvert/tunnel';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KeptLegs, type KeptLegsOptions } from './kept-legs.js';

let fleet: EdgeFleet;
let kept: KeptLegs;
/** Edges whose tunnels opened, in order; null for one without an id. */
let opened: (string | null)[];
let ends: string[];
let waits: number[];
let gaveUp: string[];
let faults: unknown[];

beforeEach(async () => {
  fleet = await EdgeFleet.start('a', 'b', 'c');
  opened = [];
  ends = [];
  waits = [];
  gaveUp = [];
  faults = [];
});

afterEach(async () => {
  kept.close('the test is over');
  await fleet.stop();
  expect(faults).toEqual([]);
});

function keep(legs: number, changes: Partial<KeptLegsOptions> = {}): void {
  kept = new KeptLegs({
    url: new URL(fleet.url),
    connectTimeoutMs: 4000,
    hello: { managerId: 'm1', clusterId: '', name: 'm1', version: '0.1.0', instanceId: 'i1' },
    legs,
    legIntervalMs: 1,
    credential: () => Promise.resolve('key'),
    onOpen: (_tunnel, { edgeId }) => opened.push(edgeId ?? null),
    onClose: (_tunnel, { code }) => ends.push(goAwayName(code)),
    onRefused: () => {},
    onCredentialError: (error) => faults.push(error),
    onRetry: (delayMs) => waits.push(delayMs),
    onGiveUp: (reason) => gaveUp.push(reason),
    onFault: (error) => faults.push(error),
    ...changes,
  });
}

/** Resolves once an edge has refused a leg. */
async function refusal(edge: string): Promise<void> {
  const isRefused = () =>
    fleet.attempts.some((attempt) => attempt.edge === edge && attempt.outcome === 'refused');
  await expect.poll(isRefused, { interval: 5 }).toBe(true);
  // The edge knows first. The leg then decides how long it waits.
  await expect.poll(() => waits.length, { interval: 5 }).toBeGreaterThan(0);
}

describe('the legs of a process', () => {
  it('reach as many edges as there are legs, and each names the edges that are taken', async () => {
    keep(3);
    await fleet.settled('a', 'b', 'c');
    await expect.poll(() => opened, { interval: 5 }).toEqual(['a', 'b', 'c']);
    expect(fleet.attempts.map(({ named }) => named)).toEqual([[], ['a'], ['a', 'b']]);
    await expect.poll(() => kept.openCount, { interval: 5 }).toBe(3);
  });

  it('are dialed one at a time, the next after the interval', async () => {
    const begun = performance.now();
    keep(2, { legIntervalMs: 200 });
    await fleet.settled('a');
    expect(fleet.attempts).toHaveLength(1);
    await fleet.settled('a', 'b');
    expect(performance.now() - begun).toBeGreaterThanOrEqual(200);
  });

  it('are a single one where one is wanted', async () => {
    keep(1);
    await fleet.settled('a');
    fleet.tunnels[0].tunnel.goAway(GoAwayCode.SHUTTING_DOWN, 'leaving');
    await fleet.settled('b');
    expect(fleet.attempts).toHaveLength(2);
  });

  it('leave the first tunnel alone when a second one reaches the same edge', async () => {
    fleet.reached = ['a'];
    keep(2);
    const [first] = await fleet.settled('a');
    await refusal('a');
    expect(await fleet.settled('a')).toEqual([first]);
    await expect.poll(() => opened, { interval: 5 }).toEqual(['a']);
    // Full jitter below a ceiling that doubles from 1 s.
    expect(waits[0]).toBeLessThanOrEqual(1000);
    await expect.poll(() => ends, { interval: 5 }).toEqual(['ALREADY_CONNECTED']);
  });

  it('find an edge that is added later', async () => {
    fleet.reached = ['a'];
    keep(2);
    await refusal('a');
    fleet.reached = ['b'];
    await fleet.settled('a', 'b');
    // The edge opens the tunnel first.
    await expect.poll(() => opened).toEqual(['a', 'b']);
  });

  it('keep one tunnel while the edge does not send its id, and more once an edge does', async () => {
    fleet.isNamed = false;
    keep(2);
    const [{ tunnel }] = await fleet.settled('a');
    fleet.isNamed = true;
    tunnel.close(GoAwayCode.SHUTTING_DOWN, 'replaced by a newer version');
    await fleet.settled('b', 'c');
    await expect.poll(() => opened, { interval: 5 }).toEqual([null, 'b', 'c']);
  });

  it('give up a further tunnel to an edge that does not send its id', async () => {
    keep(2, { legIntervalMs: 50 });
    await fleet.settled('a');
    fleet.isNamed = false;
    await expect.poll(() => ends).toContain('NORMAL');
    await fleet.settled('a');
    await expect.poll(() => opened, { interval: 5 }).toEqual(['a']);
  });
});

describe('the legs of a process to edges of several machines', () => {
  beforeEach(() => {
    for (const [edge, machine] of [
      ['a', 'm1'],
      ['b', 'm1'],
      ['c', 'm2'],
    ] as const)
      fleet.machines.set(edge, machine);
  });

  it('prefer another machine to another edge of the same one', async () => {
    keep(2);
    await fleet.settled('a', 'c');
    expect(fleet.attempts.map(({ edge, machines, outcome }) => [edge, machines, outcome])).toEqual([
      ['a', [], 'accepted'],
      ['b', ['m1'], 'refused'],
      ['c', ['m1'], 'accepted'],
    ]);
    expect(fleet.tunnels.every(({ hello }) => hello.wantedTunnels === 2)).toBe(true);
  });

  it('go to the same machine after three refusals, when the address leads to no other', async () => {
    fleet.reached = ['a', 'b', 'b', 'b', 'b'];
    vi.spyOn(Math, 'random').mockReturnValue(0.01);
    keep(2);
    await fleet.settled('a', 'b');
    expect(fleet.attempts.slice(1).map(({ machines, outcome }) => [machines, outcome])).toEqual([
      [['m1'], 'refused'],
      [['m1'], 'refused'],
      [['m1'], 'refused'],
      [[], 'accepted'],
    ]);
    vi.restoreAllMocks();
  });
});

describe('a leg whose edge goes away', () => {
  it('moves to another edge while the old tunnel still finishes its stream', async () => {
    fleet.reached = ['a', 'b'];
    let served = '';
    keep(2, {
      onStream: (stream) => {
        stream.accept();
        stream.handler = {
          onOpen() {},
          onData: (chunk) => (served += chunk.toString()),
          onEnd: () => stream.end(),
          onReset() {},
          onDrain() {},
        };
      },
    });
    const [a] = await fleet.settled('a', 'b');
    const target = { interceptId: 'i', host: 'web', port: 80, tls: false, serverName: '', verifyTls: true };
    let isEnded = false;
    const stream = a.tunnel.openStream(target, {
      onOpen() {},
      onData() {},
      onEnd: () => (isEnded = true),
      onReset() {},
      onDrain() {},
    })!;
    fleet.reached = ['c'];
    a.tunnel.goAway(GoAwayCode.SHUTTING_DOWN, 'leaving');
    await fleet.settled('b', 'c');
    expect(a.tunnel.state).toBe('draining');
    stream.write(Buffer.from('late'));
    stream.end();
    await expect.poll(() => isEnded).toBe(true);
    expect(served).toBe('late');
  });

  it('moves to the same edge when that is the only one: a leaving tunnel does not count', async () => {
    fleet.reached = ['a'];
    keep(2);
    const [first] = await fleet.settled('a');
    await refusal('a');
    first.tunnel.goAway(GoAwayCode.SHUTTING_DOWN, 'out of stream ids');
    const [second] = await fleet.settled('a');
    expect(second).not.toBe(first);
    expect(fleet.attempts.filter(({ outcome }) => outcome === 'accepted').map(({ named }) => named)).toEqual([
      [],
      [],
    ]);
  });

  it('dials slowly when the balancer sends it to the edge of the other leg', async () => {
    fleet.reached = ['a', 'b'];
    keep(2);
    const [a, b] = await fleet.settled('a', 'b');
    fleet.reached = ['b'];
    a.tunnel.goAway(GoAwayCode.SHUTTING_DOWN, 'leaving');
    await refusal('b');
    expect(await fleet.settled('b')).toEqual([b]);
  });
});

describe('the loss of a leg', () => {
  it('makes a patient leg dial at once', async () => {
    fleet.reached = ['a', 'b'];
    keep(3);
    await fleet.settled('a', 'b');
    await refusal('a');
    const before = fleet.attempts.length;
    const waited = waits.length;
    fleet.reached = ['c', 'd'];
    fleet.tunnels.find(({ edge }) => edge === 'b')!.tunnel.goAway(GoAwayCode.SHUTTING_DOWN, 'leaving');
    await fleet.settled('a', 'c', 'd');
    // One attempt for the leg that is lost, one for the patient leg, which did not wait again.
    expect(fleet.attempts.slice(before).map(({ outcome }) => outcome)).toEqual(['accepted', 'accepted']);
    expect(waits.length - waited).toBeLessThanOrEqual(1);
  });

  it('leaves the other serving, and its place is filled', async () => {
    fleet.reached = ['a', 'b'];
    keep(2);
    const [, b] = await fleet.settled('a', 'b');
    fleet.kill('a');
    fleet.reached = ['c'];
    await fleet.settled('b', 'c');
    expect(b.tunnel.state).toBe('open');
    expect(ends).toContain('CONNECTION_LOST');
    expect(fleet.attempts.at(-1)).toEqual({ edge: 'c', named: ['b'], machines: [], outcome: 'accepted' });
  });

  it('does not name the lost edge, so that an edge that has not noticed lets it in', async () => {
    // Regression guard for the half-open tunnel: the edge still holds it, and only the dialer knows better.
    fleet.reached = ['a'];
    keep(2);
    const [first] = await fleet.settled('a');
    await refusal('a');
    first.tunnel.close(GoAwayCode.TIMEOUT, 'silent');
    await fleet.settled('a');
    expect(fleet.attempts.filter(({ outcome }) => outcome === 'accepted').at(-1)!.named).toEqual([]);
  });

  it('lets a single leg dial until a tunnel is open if it was the last one', async () => {
    fleet.reached = ['a', 'b'];
    let refusals = 0;
    keep(2, { onRefused: () => void refusals++ });
    await fleet.settled('a', 'b');
    fleet.reached = [];
    for (const { tunnel } of fleet.tunnels) tunnel.close(GoAwayCode.INTERNAL, 'a fault');
    await expect.poll(() => refusals).toBeGreaterThan(3);
    // Every wait but the first of the held leg belongs to the one that dials.
    expect(waits.length).toBeLessThanOrEqual(refusals + 2);
    fleet.reached = ['a', 'b'];
    await fleet.settled('a', 'b');
  });

  it('that a person ended does not make the others dial sooner', async () => {
    fleet.reached = ['a'];
    keep(2);
    const [first] = await fleet.settled('a');
    await refusal('a');
    const before = fleet.attempts.length;
    waits.length = 0;
    first.tunnel.close(GoAwayCode.SESSION_ENDED, 'ended by a person');
    await expect.poll(() => waits.length).toBeGreaterThan(0);
    expect(Math.max(...waits)).toBeGreaterThanOrEqual(30_000);
    expect(fleet.attempts).toHaveLength(before);
  });
});

// While edges were upgraded, a leg gave up forever once it met one of another version, and the process with its last leg.
describe('a leg that reaches an edge of another version', () => {
  it('dials again, and reaches the edge once that has a version in common', async () => {
    fleet.strangers.add('b');
    fleet.reached = ['a', 'b'];
    keep(2);
    await fleet.settled('a');
    await refusal('b');
    fleet.strangers.clear();
    fleet.reached = ['b'];
    await fleet.settled('a', 'b');
    expect(gaveUp).toEqual([]);
  });

  it('dials again after the process has lost its last tunnel', async () => {
    keep(1);
    const [{ tunnel }] = await fleet.settled('a');
    fleet.strangers.add('b');
    tunnel.goAway(GoAwayCode.SHUTTING_DOWN, 'leaving');
    await refusal('b');
    await fleet.settled('c');
    expect(gaveUp).toEqual([]);
  });

  it('gives up if the process never had a tunnel', async () => {
    fleet.strangers.add('a');
    keep(2);
    await expect.poll(() => gaveUp).toEqual(['UNSUPPORTED_VERSION: this edge speaks version 2']);
    expect(fleet.attempts).toHaveLength(1);
  });
});

describe('the end of the legs', () => {
  it('closes every tunnel and no longer dials', async () => {
    keep(2);
    const tunnels = await fleet.settled('a', 'b');
    await kept.stop('stopping', 1000);
    await expect.poll(() => tunnels.map(({ tunnel }) => tunnel.state)).toEqual(['closed', 'closed']);
    expect(kept.count).toBe(0);
    expect(fleet.attempts).toHaveLength(2);
  });
});
