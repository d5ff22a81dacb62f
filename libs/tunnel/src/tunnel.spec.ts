import { afterEach, describe, expect, it } from 'vitest';
import { FrameType, GoAwayCode, MAX_CREDIT, toCloseStatus } from './frame.js';
import { HELLO, RawPeer, TARGET, u16, u32, WELCOME } from './spec/raw-peer.js';
import { MemoryCarrier } from './spec/memory-carrier.js';
import { StreamRecorder, TunnelRecorder } from '@culvert/testkit';
import { acceptRaw, dialRaw, openPair, openRaw, openStream } from './spec/tunnel-pair.js';
import type { RawEnd } from './spec/tunnel-pair.js';
import { acceptTunnel } from './tunnel.js';
import type { HelloAnswer, TunnelConnection } from './connection.js';
import { ResetCode } from './types.js';

const CREDIT_0 = Buffer.alloc(4);

const toClose: TunnelConnection[] = [];
function closing<T extends { readonly tunnel: TunnelConnection }>(raw: T): T {
  toClose.push(raw.tunnel);
  return raw;
}
afterEach(() => {
  for (const tunnel of toClose.splice(0)) tunnel.close(GoAwayCode.NORMAL, 'the test is over');
});

async function pair(...settings: Parameters<typeof openPair>): ReturnType<typeof openPair> {
  const opened = await openPair(...settings);
  toClose.push(opened.edge, opened.manager);
  return opened;
}

describe('the handshake', () => {
  it('opens both ends with the same numbers', async () => {
    const { edgeRecorder, managerRecorder } = await pair({ maxStreams: 99, pingIntervalMs: 777 });
    expect(edgeRecorder.events).toEqual(['open']);
    expect(managerRecorder.welcome).toEqual(edgeRecorder.welcome);
    expect(managerRecorder.welcome).toMatchObject({ sessionId: 's1', resumed: true, maxStreams: 99 });
    expect(managerRecorder.welcome!.pingIntervalMs).toBe(777);
  });

  it('offers no more streams than the dialer will hold', async () => {
    const { managerRecorder } = await pair({}, { maxStreams: 3 });
    expect(managerRecorder.welcome!.maxStreams).toBe(3);
  });

  it('opens no streams before it is over', () => {
    const { tunnel } = closing(acceptRaw());
    expect(tunnel.state).toBe('handshake');
    expect(tunnel.openStream(TARGET, new StreamRecorder())).toBeNull();
  });

  it.each<[string, (peer: RawPeer) => void, GoAwayCode]>([
    ['DATA', (peer) => peer.send(FrameType.DATA, 1, 'x'), GoAwayCode.PROTOCOL_ERROR],
    ['PING', (peer) => peer.send(FrameType.PING, 0, '12345678'), GoAwayCode.PROTOCOL_ERROR],
    ['WELCOME', (peer) => peer.sendJson(FrameType.WELCOME, 0, WELCOME), GoAwayCode.PROTOCOL_ERROR],
    ['a HELLO that is not JSON', (peer) => peer.send(FrameType.HELLO, 0, 'xx'), GoAwayCode.PROTOCOL_ERROR],
    [
      'a HELLO with a bad member',
      (peer) => peer.sendJson(FrameType.HELLO, 0, { ...HELLO, managerId: '' }),
      GoAwayCode.PROTOCOL_ERROR,
    ],
    [
      'a HELLO of other versions',
      (peer) => peer.sendJson(FrameType.HELLO, 0, { ...HELLO, versions: [2, 3] }),
      GoAwayCode.UNSUPPORTED_VERSION,
    ],
    [
      'bytes of something else',
      (peer) => peer.carrier.send([Buffer.from('GET / HTTP/1.1\r\n\r\n')]),
      GoAwayCode.PROTOCOL_ERROR,
    ],
  ])('ends when the first frame is %s', async (_case, send, code) => {
    const { peer, recorder } = acceptRaw();
    send(peer);
    expect((await peer.goAway()).code).toBe(code);
    expect((await peer.ended).status).toBe(toCloseStatus(code));
    expect(recorder.events).toHaveLength(1);
    expect(recorder.events[0]).toMatch(/^close /);
  });

  it.each([
    ['a second HELLO', (peer: RawPeer) => peer.sendJson(FrameType.HELLO, 0, HELLO)],
    ['OPEN', (peer: RawPeer) => peer.sendJson(FrameType.OPEN, 1, TARGET, CREDIT_0)],
  ])('ends when %s comes before WELCOME', async (_case, send) => {
    const [carrier, peerCarrier] = MemoryCarrier.pair();
    const recorder = new TunnelRecorder();
    const never = new Promise<HelloAnswer>(() => undefined);
    acceptTunnel(carrier, { onHello: () => never, onClose: (...args) => recorder.onClose(...args) });
    const peer = new RawPeer(peerCarrier);
    peer.sendJson(FrameType.HELLO, 0, HELLO);
    send(peer);
    expect((await peer.goAway()).code).toBe(GoAwayCode.PROTOCOL_ERROR);
  });

  it('ends when HELLO takes too long', async () => {
    const { peer, recorder } = acceptRaw({ handshakeTimeoutMs: 20 });
    expect((await peer.goAway()).code).toBe(GoAwayCode.TIMEOUT);
    await recorder.until('close TIMEOUT');
  });

  it('ends when WELCOME takes too long', async () => {
    const { peer, recorder } = await dialRaw({ handshakeTimeoutMs: 20 });
    expect((await peer.goAway()).code).toBe(GoAwayCode.TIMEOUT);
    await recorder.until('close TIMEOUT');
  });

  it('passes on the code and reason of the acceptor', async () => {
    const [carrier, peerCarrier] = MemoryCarrier.pair();
    const recorder = new TunnelRecorder();
    acceptTunnel(carrier, {
      onHello: () => Promise.resolve({ refuse: { code: GoAwayCode.KEY_REVOKED, reason: 'expired' } }),
      onOpen: () => recorder.events.push('open'),
      onClose: (...args) => recorder.onClose(...args),
    });
    const peer = new RawPeer(peerCarrier);
    peer.sendJson(FrameType.HELLO, 0, HELLO);
    expect(await peer.goAway()).toEqual({ code: GoAwayCode.KEY_REVOKED, reason: 'expired' });
    expect(recorder.events).toEqual(['close KEY_REVOKED: expired false']);
  });

  it('ends with INTERNAL when the acceptor cannot decide', async () => {
    const [carrier, peerCarrier] = MemoryCarrier.pair();
    const recorder = new TunnelRecorder();
    acceptTunnel(carrier, {
      onHello: () => Promise.reject(new Error('the database is down')),
      onClose: (...args) => recorder.onClose(...args),
      onFault: (error) => recorder.onFault(error),
    });
    const peer = new RawPeer(peerCarrier);
    peer.sendJson(FrameType.HELLO, 0, HELLO);
    expect(await peer.goAway()).toEqual({ code: GoAwayCode.INTERNAL, reason: 'internal error' });
    expect(recorder.faults).toEqual([new Error('the database is down')]);
  });

  it('opens nothing when the dialer has gone before the acceptor decides', async () => {
    const [carrier, peerCarrier] = MemoryCarrier.pair();
    const recorder = new TunnelRecorder();
    let decide: (answer: HelloAnswer) => void = () => undefined;
    acceptTunnel(carrier, {
      onHello: () => new Promise((resolve) => (decide = resolve)),
      onOpen: () => recorder.events.push('open'),
      onClose: (...args) => recorder.onClose(...args),
    });
    const peer = new RawPeer(peerCarrier);
    peer.sendJson(FrameType.HELLO, 0, HELLO);
    await peer.settled();
    carrier.break();
    decide({ accept: { sessionId: 's', resumed: false } });
    await peer.settled();
    expect(recorder.events).toEqual(['close CONNECTION_LOST:  true']);
  });

  it.each<[string, (peer: RawPeer) => void, GoAwayCode]>([
    [
      'another frame than WELCOME',
      (peer) => peer.send(FrameType.PING, 0, '12345678'),
      GoAwayCode.PROTOCOL_ERROR,
    ],
    [
      'a bad WELCOME',
      (peer) => peer.sendJson(FrameType.WELCOME, 0, { ...WELCOME, maxStreams: 0 }),
      GoAwayCode.PROTOCOL_ERROR,
    ],
    [
      'windows beyond its memory',
      (peer) =>
        peer.sendJson(FrameType.WELCOME, 0, { ...WELCOME, maxStreams: 65_535, windowBytes: 1_048_576 }),
      GoAwayCode.LIMIT,
    ],
  ])('is ended by the dialer at %s', async (_case, send, code) => {
    const { peer, tunnel } = await dialRaw();
    send(peer);
    expect((await peer.goAway()).code).toBe(code);
    expect(tunnel.state).toBe('closed');
  });

  it('reports the reason of a refusal to the dialer', async () => {
    const { peer, recorder } = await dialRaw();
    peer.send(
      FrameType.GOAWAY,
      0,
      Buffer.concat([u16(GoAwayCode.UNSUPPORTED_VERSION), Buffer.from('too\nold')]),
    );
    expect(await recorder.until('close')).toBe('close UNSUPPORTED_VERSION: too\ufffdold false');
  });
});

describe('a stream', () => {
  it('carries bytes both ways and its target', async () => {
    const both = await pair();
    const { near, nearRecorder, far, farRecorder } = await openStream(both);
    expect(both.managerRecorder.targets).toEqual([TARGET]);
    near.write(Buffer.from('question'));
    await farRecorder.untilTrue(() => farRecorder.bytes === 8);
    far.write(Buffer.from('answer'));
    await nearRecorder.untilTrue(() => nearRecorder.bytes === 6);
    expect(farRecorder.data.toString()).toBe('question');
    expect(nearRecorder.data.toString()).toBe('answer');
  });

  it('may be written to before the far end has accepted it', async () => {
    const both = await pair();
    const recorder = new StreamRecorder();
    const near = both.edge.openStream(TARGET, recorder)!;
    near.write(Buffer.from('early'));
    near.end();
    await both.managerRecorder.until('stream');
    const [far] = both.managerRecorder.streams;
    await both.managerRecorder.recorders[0].until('end');
    expect(both.managerRecorder.recorders[0].data.toString()).toBe('early');
    far.write(Buffer.from('late'));
    far.end();
    await recorder.until('end');
    expect(recorder.events).toEqual(['open', 'data', 'end']);
    expect(both.edge.streamCount).toBe(0);
    expect(both.manager.streamCount).toBe(0);
  });

  it.each(['near', 'far'] as const)('stays half-open when the %s end ends first', async (first) => {
    const both = await pair();
    const opened = await openStream(both);
    const [one, other] = first === 'near' ? [opened.near, opened.far] : [opened.far, opened.near];
    const [oneRecorder, otherRecorder] =
      first === 'near'
        ? [opened.nearRecorder, opened.farRecorder]
        : [opened.farRecorder, opened.nearRecorder];
    one.end();
    await otherRecorder.until('end');
    expect([one.isOpen, other.isOpen]).toEqual([true, true]);
    expect(one.write(Buffer.from('too late'))).toBe(false);
    other.write(Buffer.from('still here'));
    other.end();
    await oneRecorder.until('end');
    expect(oneRecorder.data.toString()).toBe('still here');
    expect(otherRecorder.bytes).toBe(0);
    expect([one.isOpen, other.isOpen]).toEqual([false, false]);
    expect([both.edge.streamCount, both.manager.streamCount]).toEqual([0, 0]);
  });

  it.each(['near', 'far'] as const)('is reset from the %s end with its reason', async (who) => {
    const both = await pair();
    const opened = await openStream(both);
    const [one, recorder, other, otherRecorder] =
      who === 'near'
        ? [opened.near, opened.nearRecorder, opened.far, opened.farRecorder]
        : [opened.far, opened.farRecorder, opened.near, opened.nearRecorder];
    const before = recorder.events.length;
    one.reset(ResetCode.INGRESS_RESET, 'read ECONNRESET');
    expect(one.isOpen).toBe(false);
    await otherRecorder.until('reset');
    expect(otherRecorder.events.at(-1)).toBe('reset INGRESS_RESET: read ECONNRESET');
    expect(other.isOpen).toBe(false);
    expect(recorder.events).toHaveLength(before);
    expect([both.edge.streamCount, both.manager.streamCount]).toEqual([0, 0]);
  });

  it('is reset with INTERNAL for a reason that is local', async () => {
    const both = await pair();
    const { near, farRecorder } = await openStream(both);
    near.reset(ResetCode.TUNNEL_LOST, 'moved');
    expect(await farRecorder.until('reset')).toBe('reset INTERNAL: moved');
  });

  it('ignores every call after it was reset', async () => {
    const both = await pair();
    const { near, nearRecorder, far, farRecorder } = await openStream(both);
    far.reset(ResetCode.CANCEL);
    await nearRecorder.until('reset');
    for (const stream of [near, far]) {
      expect(stream.write(Buffer.from('x'))).toBe(false);
      stream.end();
      stream.pause();
      stream.resume();
      stream.reset(ResetCode.CANCEL);
    }
    far.accept();
    await openStream(both);
    expect(nearRecorder.events).toEqual(['open', 'reset CANCEL: ']);
    expect(farRecorder.events).toEqual([]);
  });

  it('ends both ways once when both ends reset it at once', async () => {
    const both = await pair();
    const { near, nearRecorder, far, farRecorder } = await openStream(both);
    near.reset(ResetCode.CANCEL);
    far.reset(ResetCode.INGRESS_RESET);
    await openStream(both);
    expect(nearRecorder.events).toEqual(['open']);
    expect(farRecorder.events).toEqual([]);
    expect([both.edge.state, both.manager.state]).toEqual(['open', 'open']);
  });

  it('is refused by an end without onStream', async () => {
    const { peer, tunnel } = closing(await openRaw());
    expect(tunnel.streamCount).toBe(0);
    const [carrier, peerCarrier] = MemoryCarrier.pair();
    toClose.push(
      acceptTunnel(carrier, {
        onHello: () => Promise.resolve({ accept: { sessionId: 's', resumed: false } }),
        onClose: () => undefined,
      }),
    );
    const other = new RawPeer(peerCarrier);
    other.sendJson(FrameType.HELLO, 0, HELLO);
    await other.next(FrameType.WELCOME);
    other.sendJson(FrameType.OPEN, 1, TARGET, CREDIT_0);
    const { id, payload } = await other.next(FrameType.RESET);
    expect([id, payload.readUInt16BE(0)]).toEqual([1, ResetCode.FORBIDDEN]);
    expect(await peer.settled()).toEqual([]);
  });

  it('is reset with INTERNAL when its target breaks a limit', async () => {
    const both = await pair();
    const recorder = new StreamRecorder();
    const stream = both.edge.openStream({ ...TARGET, host: 'a\nb' }, recorder);
    expect(recorder.events).toEqual([]);
    await recorder.until('reset INTERNAL');
    expect(stream!.isOpen).toBe(false);
    await openStream(both);
  });

  it('delivers its events to a handler that was set later', async () => {
    const both = await pair();
    const { near, nearRecorder, far } = await openStream(both);
    const later = new StreamRecorder();
    near.handler = later;
    far.write(Buffer.from('x'));
    far.end();
    await later.until('end');
    expect(nearRecorder.events).toEqual(['open']);
  });

  it('delivers waiting bytes, then the end, when it is resumed, and counts as open until then', async () => {
    const both = await pair();
    const { near, nearRecorder, far } = await openStream(both);
    near.pause();
    near.end();
    far.write(Buffer.from('one '));
    far.write(Buffer.from('two'));
    far.end();
    await openStream(both);
    expect(nearRecorder.events).toEqual(['open']);
    expect(near.isOpen).toBe(true);
    expect(both.edge.streamCount).toBe(2);
    near.resume();
    expect(nearRecorder.data.toString()).toBe('one two');
    expect(nearRecorder.events).toEqual(['open', 'data', 'end']);
    expect(near.isOpen).toBe(false);
    expect(both.edge.streamCount).toBe(1);
  });

  it('stops delivering when the handler pauses in the middle', async () => {
    const both = await pair();
    const { near, far } = await openStream(both);
    const seen: number[] = [];
    near.handler = Object.assign(new StreamRecorder(), {
      onData: (chunk: Buffer) => {
        seen.push(chunk.length);
        near.pause();
        near.resume();
        near.pause();
      },
    });
    near.pause();
    // Chunks of their own size: small ones would be gathered.
    for (let i = 0; i < 3; i++) far.write(Buffer.alloc(9000));
    await openStream(both);
    near.resume();
    expect(seen).toHaveLength(1);
    near.resume();
    near.resume();
    near.resume();
    expect(seen.reduce((sum, length) => sum + length)).toBe(27_000);
  });

  it('delivers a message that arrived in full although the tunnel is lost', async () => {
    const both = await pair();
    const { near, nearRecorder, far } = await openStream(both);
    near.pause();
    near.end();
    far.write(Buffer.from('complete'));
    far.end();
    await openStream(both);
    both.edgeCarrier.break();
    near.resume();
    expect(nearRecorder.events).toEqual(['open', 'data', 'end']);
    expect(nearRecorder.data.toString()).toBe('complete');
  });

  it('is lost with the tunnel', async () => {
    const both = await pair();
    const { nearRecorder, farRecorder } = await openStream(both);
    both.edgeCarrier.break();
    expect(nearRecorder.events.at(-1)).toMatch(/^reset TUNNEL_LOST/);
    expect(farRecorder.events.at(-1)).toMatch(/^reset TUNNEL_LOST/);
    expect(both.edgeRecorder.events.at(-1)).toBe('close CONNECTION_LOST:  true');
    expect(both.edge.openStream(TARGET, new StreamRecorder())).toBeNull();
  });

  it('is refused above the cap, for either opener', async () => {
    const both = await pair({ maxStreams: 2 });
    await openStream(both);
    const recorder = new StreamRecorder();
    both.manager.openStream(TARGET, recorder);
    await both.edgeRecorder.until('stream 1');
    expect(both.edge.openStream(TARGET, new StreamRecorder())).toBeNull();
  });
});

describe('a tunnel', () => {
  it('closes with its streams when a handler throws, and reports the fault', async () => {
    const both = await pair();
    const { near, nearRecorder, far, farRecorder } = await openStream(both);
    const fault = new Error('a bug');
    near.handler = Object.assign(new StreamRecorder(), {
      onData: () => {
        throw fault;
      },
    });
    far.write(Buffer.from('x'));
    await farRecorder.until('reset TUNNEL_LOST');
    expect(both.edgeRecorder.faults).toEqual([fault]);
    expect(both.edgeRecorder.events.at(-1)).toBe('close INTERNAL: internal error true');
    expect(nearRecorder.events).toEqual(['open']);
  });

  it('resets every stream at its end although a handler throws', async () => {
    const both = await pair();
    const first = await openStream(both);
    const second = await openStream(both);
    first.near.handler = Object.assign(new StreamRecorder(), {
      onReset: () => {
        throw new Error('a bug');
      },
    });
    both.edge.close(GoAwayCode.KEY_REVOKED, 'revoked');
    expect(second.nearRecorder.events.at(-1)).toBe('reset TUNNEL_LOST: revoked');
    expect(both.edgeRecorder.faults).toHaveLength(1);
    expect(both.edgeRecorder.events.filter((event) => event.startsWith('close'))).toHaveLength(1);
  });

  it('closes at once with the code at the far end', async () => {
    const both = await pair();
    both.edge.close(GoAwayCode.KEY_REVOKED, 'revoked');
    expect(await both.managerRecorder.until('close')).toBe('close KEY_REVOKED: revoked false');
    both.edge.close(GoAwayCode.INTERNAL, 'again');
    both.edge.goAway(GoAwayCode.NORMAL, 'again');
    expect(both.edgeRecorder.events.filter((event) => event.startsWith('close'))).toHaveLength(1);
    expect(both.edgeCarrier.closedWith!.status).toBe(4005);
  });

  it('maps the close status of a carrier that ended without GOAWAY', async () => {
    const { peer, recorder } = await openRaw();
    peer.carrier.close(4008, 'restarting');
    expect(await recorder.until('close')).toBe('close SHUTTING_DOWN: restarting false');
  });
});

it('a tunnel counts the bytes of its connection both ways, framing included', async () => {
  const both = await pair();
  const { near, farRecorder } = await openStream(both);
  near.write(Buffer.alloc(10_000));
  await farRecorder.until('data');
  both.edge.close(GoAwayCode.NORMAL, 'counted');
  await both.managerRecorder.until('close');
  expect(both.edge.sentBytes).toBeGreaterThan(10_000);
  expect(both.edge.sentBytes).toBeLessThan(11_000);
  expect(both.manager.receivedBytes).toBe(both.edge.sentBytes);
  expect(both.edge.receivedBytes).toBe(both.manager.sentBytes);
});

describe('a tunnel that leaves', () => {
  it('ends at once when there is no stream', async () => {
    const both = await pair();
    both.edge.goAway(GoAwayCode.SHUTTING_DOWN, 'deploy');
    expect(both.edge.state).toBe('draining');
    await both.edgeRecorder.until('close SHUTTING_DOWN: deploy false');
    expect(both.managerRecorder.events).toEqual([
      'open',
      'goaway SHUTTING_DOWN: deploy',
      'close SHUTTING_DOWN: deploy false',
    ]);
  });

  it('lets streams finish and opens none', async () => {
    const both = await pair();
    const { near, far, nearRecorder } = await openStream(both);
    both.manager.goAway(GoAwayCode.NORMAL, 'stopping');
    await both.edgeRecorder.until('goaway NORMAL');
    expect([both.edge.state, both.manager.state]).toEqual(['draining', 'draining']);
    expect(both.edge.openStream(TARGET, new StreamRecorder())).toBeNull();
    expect(both.manager.openStream(TARGET, new StreamRecorder())).toBeNull();
    far.write(Buffer.from('finished'));
    far.end();
    near.end();
    await both.managerRecorder.until('close NORMAL');
    expect(nearRecorder.data.toString()).toBe('finished');
    expect(nearRecorder.events.at(-1)).toBe('end');
  });

  it('serves an OPEN that crossed its GOAWAY, so that nothing is lost', async () => {
    const both = await pair();
    both.manager.goAway(GoAwayCode.NORMAL, 'stopping');
    const { near, far, nearRecorder } = await openStream(both);
    expect(both.edge.state).toBe('draining');
    far.write(Buffer.from('answer'));
    far.end();
    near.end();
    await both.managerRecorder.until('close NORMAL');
    expect(nearRecorder.data.toString()).toBe('answer');
    expect(nearRecorder.events.at(-1)).toBe('end');
  });

  it('ends streams when the grace is over', async () => {
    const both = await pair();
    const { nearRecorder } = await openStream(both);
    both.edge.goAway(GoAwayCode.SHUTTING_DOWN, 'deploy', { graceMs: 20 });
    expect(await nearRecorder.until('reset')).toBe('reset TUNNEL_LOST: deploy');
    expect(await both.managerRecorder.until('close')).toBe('close SHUTTING_DOWN: deploy false');
  });

  it('begins when the stream ids are used up', async () => {
    const both = await pair();
    (both.edge as unknown as { streams: { nextId: number } }).streams.nextId = 0x7fff_fffe;
    const { near, far } = await openStream(both);
    expect(near.id).toBe(0x7fff_fffe);
    expect(both.edge.openStream(TARGET, new StreamRecorder())).toBeNull();
    expect(await both.managerRecorder.until('goaway')).toBe('goaway SHUTTING_DOWN: out of stream ids');
    near.end();
    far.end();
    expect(await both.edgeRecorder.until('close')).toBe('close SHUTTING_DOWN: out of stream ids false');
  });

  it('may be announced again with another reason', async () => {
    const both = await pair();
    await openStream(both);
    both.edge.goAway(GoAwayCode.SUPERSEDED, 'a newer tunnel');
    both.edge.goAway(GoAwayCode.SHUTTING_DOWN, 'deploy', { graceMs: 10 });
    expect(await both.managerRecorder.until('close')).toBe('close SHUTTING_DOWN: deploy false');
    const announced = both.managerRecorder.events.filter((event) => event.startsWith('goaway'));
    expect(announced.slice(0, 2)).toEqual([
      'goaway SUPERSEDED: a newer tunnel',
      'goaway SHUTTING_DOWN: deploy',
    ]);
  });

  it('closes when both ends leave at once', async () => {
    const both = await pair();
    const { near, far } = await openStream(both);
    both.edge.goAway(GoAwayCode.SHUTTING_DOWN, 'deploy');
    both.manager.goAway(GoAwayCode.NORMAL, 'stopping');
    await both.edgeRecorder.until('goaway');
    expect(both.edge.streamCount).toBe(1);
    near.end();
    far.end();
    await both.edgeRecorder.until('close');
    await both.managerRecorder.until('close');
  });
});

// Ids that the peer gives out are odd: it plays the dialer.
const OPEN = (peer: RawPeer, id: number): void => peer.sendJson(FrameType.OPEN, id, TARGET, CREDIT_0);

describe('a hostile peer', () => {
  const violations: [string, (raw: RawEnd) => void, GoAwayCode][] = [
    ['a malformed header', ({ peer }) => peer.send(0x7f, 0), GoAwayCode.PROTOCOL_ERROR],
    [
      'an oversized frame',
      ({ peer }) => peer.carrier.send([Buffer.from('12ffffff00000001', 'hex')]),
      GoAwayCode.FRAME_TOO_LARGE,
    ],
    ['a second HELLO', ({ peer }) => peer.sendJson(FrameType.HELLO, 0, HELLO), GoAwayCode.PROTOCOL_ERROR],
    ['WELCOME', ({ peer }) => peer.sendJson(FrameType.WELCOME, 0, WELCOME), GoAwayCode.PROTOCOL_ERROR],
    ['OPEN with our parity', ({ peer }) => OPEN(peer, 2), GoAwayCode.PROTOCOL_ERROR],
    ['OPEN with an id above 2^31 - 1', ({ peer }) => OPEN(peer, 0x8000_0001), GoAwayCode.PROTOCOL_ERROR],
    ['OPEN with an open id', ({ peer }) => (OPEN(peer, 5), OPEN(peer, 5)), GoAwayCode.PROTOCOL_ERROR],
    ['OPEN with a lower id', ({ peer }) => (OPEN(peer, 5), OPEN(peer, 3)), GoAwayCode.PROTOCOL_ERROR],
    [
      'OPEN that is not JSON',
      ({ peer }) => peer.send(FrameType.OPEN, 1, 'xxxxxx'),
      GoAwayCode.PROTOCOL_ERROR,
    ],
    [
      'OPEN of a deep JSON bomb',
      ({ peer }) => peer.send(FrameType.OPEN, 1, `xxxx${'['.repeat(4000)}`),
      GoAwayCode.PROTOCOL_ERROR,
    ],
    [
      'OPEN with a bad target',
      ({ peer }) => peer.sendJson(FrameType.OPEN, 1, { ...TARGET, port: 0 }, CREDIT_0),
      GoAwayCode.PROTOCOL_ERROR,
    ],
    [
      'OPEN with too much credit',
      ({ peer }) => peer.sendJson(FrameType.OPEN, 1, TARGET, u32(MAX_CREDIT + 1)),
      GoAwayCode.FLOW_CONTROL,
    ],
    [
      'OPEN with credit that overflows',
      ({ peer }) => peer.sendJson(FrameType.OPEN, 1, TARGET, u32(MAX_CREDIT)),
      GoAwayCode.FLOW_CONTROL,
    ],
    [
      'OPENED for a stream of its own',
      ({ peer }) => (OPEN(peer, 1), peer.send(FrameType.OPENED, 1, u32(0))),
      GoAwayCode.PROTOCOL_ERROR,
    ],
    [
      'DATA on a stream that never was',
      ({ peer }) => peer.send(FrameType.DATA, 7, 'x'),
      GoAwayCode.PROTOCOL_ERROR,
    ],
    [
      'DATA on a stream we never opened',
      ({ peer }) => peer.send(FrameType.DATA, 2, 'x'),
      GoAwayCode.PROTOCOL_ERROR,
    ],
    ['END on a stream that never was', ({ peer }) => peer.send(FrameType.END, 7), GoAwayCode.PROTOCOL_ERROR],
    [
      'RESET on a stream that never was',
      ({ peer }) => peer.send(FrameType.RESET, 7, u16(1)),
      GoAwayCode.PROTOCOL_ERROR,
    ],
    [
      'WINDOW on a stream that never was',
      ({ peer }) => peer.send(FrameType.WINDOW, 7, u32(1)),
      GoAwayCode.PROTOCOL_ERROR,
    ],
    [
      'DATA after END',
      ({ peer }) => (OPEN(peer, 1), peer.send(FrameType.END, 1), peer.send(FrameType.DATA, 1, 'x')),
      GoAwayCode.PROTOCOL_ERROR,
    ],
    [
      'END after END',
      ({ peer }) => (OPEN(peer, 1), peer.send(FrameType.END, 1), peer.send(FrameType.END, 1)),
      GoAwayCode.PROTOCOL_ERROR,
    ],
    [
      'a WINDOW of 0',
      ({ peer }) => (OPEN(peer, 1), peer.send(FrameType.WINDOW, 1, u32(0))),
      GoAwayCode.FLOW_CONTROL,
    ],
    [
      'a WINDOW above 2^31 - 1',
      ({ peer }) => (OPEN(peer, 1), peer.send(FrameType.WINDOW, 1, u32(MAX_CREDIT + 1))),
      GoAwayCode.FLOW_CONTROL,
    ],
    [
      'a WINDOW that overflows',
      ({ peer }) => (OPEN(peer, 1), peer.send(FrameType.WINDOW, 1, u32(MAX_CREDIT))),
      GoAwayCode.FLOW_CONTROL,
    ],
    [
      'OPEN after its GOAWAY',
      ({ peer }) => (OPEN(peer, 1), peer.send(FrameType.GOAWAY, 0, u16(0)), OPEN(peer, 3)),
      GoAwayCode.PROTOCOL_ERROR,
    ],
    [
      'a flood of PINGs',
      ({ peer }) => flood(101, () => peer.send(FrameType.PING, 0, '12345678')),
      GoAwayCode.LIMIT,
    ],
  ];

  it.each(violations)('that sends %s loses the tunnel and nothing else', async (_case, violate, code) => {
    const raw = await openRaw();
    const bystander = closing(await openRaw());
    violate(raw);
    expect((await raw.peer.goAway()).code).toBe(code);
    expect((await raw.peer.ended).status).toBe(toCloseStatus(code));
    expect(raw.tunnel.state).toBe('closed');
    expect(raw.recorder.events.at(-1)).toMatch(/^close .* true$/);
    expect(raw.recorder.faults).toEqual([]);
    expect(bystander.tunnel.state).toBe('open');
  });

  it.each([
    ['DATA before OPENED', (peer: RawPeer) => peer.send(FrameType.DATA, 2, 'x')],
    ['END before OPENED', (peer: RawPeer) => peer.send(FrameType.END, 2)],
    [
      'OPENED twice',
      (peer: RawPeer) => (peer.send(FrameType.OPENED, 2, u32(0)), peer.send(FrameType.OPENED, 2, u32(0))),
    ],
  ])('that answers OPEN with %s loses the tunnel', async (_case, answer) => {
    const { peer, tunnel } = await openRaw();
    tunnel.openStream(TARGET, new StreamRecorder());
    await peer.next(FrameType.OPEN);
    answer(peer);
    expect((await peer.goAway()).code).toBe(GoAwayCode.PROTOCOL_ERROR);
  });

  it('may send frames that crossed a RESET', async () => {
    const { peer, recorder, tunnel } = closing(await openRaw());
    OPEN(peer, 1);
    await recorder.until('stream 1');
    recorder.streams[0].reset(ResetCode.CANCEL);
    await peer.next(FrameType.RESET);
    peer.send(FrameType.DATA, 1, 'late');
    peer.send(FrameType.WINDOW, 1, u32(5));
    peer.send(FrameType.END, 1);
    peer.send(FrameType.RESET, 1, u16(1));
    expect(await peer.settled()).toEqual([]);
    expect(tunnel.state).toBe('open');
    expect(recorder.recorders[0].events).toEqual([]);
  });

  it('that opens too many streams is refused each one beyond the cap', async () => {
    const { peer, tunnel } = closing(await openRaw({ maxStreams: 3 }));
    for (let id = 1; id <= 11; id += 2) OPEN(peer, id);
    const answers = await peer.settled();
    expect(answers.map(({ type, id, payload }) => [type, id, payload.readUInt16BE(0)])).toEqual(
      [7, 9, 11].map((id) => [FrameType.RESET, id, ResetCode.STREAM_LIMIT]),
    );
    expect(tunnel.streamCount).toBe(3);
  });

  it('that opens and resets streams in haste loses the tunnel', async () => {
    const { peer } = await openRaw({ maxAbortsPerSecond: 50 });
    for (let id = 1; id < 110; id += 2) {
      OPEN(peer, id);
      peer.send(FrameType.RESET, id, u16(ResetCode.CANCEL));
    }
    expect((await peer.goAway()).code).toBe(GoAwayCode.LIMIT);
  });

  it('that keeps opening beyond the cap loses the tunnel', async () => {
    const { peer } = await openRaw({ maxStreams: 1, maxAbortsPerSecond: 50 });
    for (let id = 1; id < 110; id += 2) OPEN(peer, id);
    expect((await peer.goAway()).code).toBe(GoAwayCode.LIMIT);
  });

  it('that overruns a window loses the stream, and the tunnel after 16', async () => {
    const { peer, recorder, tunnel } = await openRaw({ windowBytes: 16_384, openWindowBytes: 16_384 });
    const overrun = async (id: number): Promise<void> => {
      OPEN(peer, id);
      await recorder.until(`stream ${id}`);
      recorder.streams.at(-1)!.pause();
      peer.send(FrameType.DATA, id, Buffer.alloc(16_384));
      peer.send(FrameType.DATA, id, 'x');
    };
    for (let id = 1; id <= 31; id += 2) {
      await overrun(id);
      const { id: resetId, payload } = await peer.next(FrameType.RESET);
      expect([resetId, payload.readUInt16BE(0)]).toEqual([id, ResetCode.FLOW_CONTROL]);
      expect(recorder.recorders.at(-1)!.events).toEqual([
        'reset FLOW_CONTROL: the far end overran its window',
      ]);
    }
    expect(tunnel.state).toBe('open');
    await overrun(33);
    expect((await peer.goAway()).code).toBe(GoAwayCode.FLOW_CONTROL);
  });

  it('that sends unknown codes is read as INTERNAL', async () => {
    const { peer, recorder, tunnel } = await openRaw();
    const stream = new StreamRecorder();
    tunnel.openStream(TARGET, stream);
    const { id } = await peer.next(FrameType.OPEN);
    peer.send(FrameType.RESET, id, Buffer.concat([u16(999), Buffer.from('a\u0007b')]));
    expect(await stream.until('reset')).toBe('reset INTERNAL: a\ufffdb');
    for (const local of [ResetCode.TUNNEL_LOST, ResetCode.INGRESS_PROTOCOL]) {
      const other = new StreamRecorder();
      tunnel.openStream(TARGET, other);
      const { id: otherId } = await peer.next(FrameType.OPEN);
      peer.send(FrameType.RESET, otherId, u16(local));
      expect(await other.until('reset')).toBe('reset INTERNAL: ');
    }
    peer.send(FrameType.GOAWAY, 0, u16(12));
    expect(await recorder.until('goaway')).toBe('goaway INTERNAL: ');
  });
});

function flood(times: number, send: () => void): void {
  for (let i = 0; i < times; i++) send();
}
