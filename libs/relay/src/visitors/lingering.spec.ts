/** Responses that are complete while the visitor is still sending its request. */
import { once } from 'node:events';
import net from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, describe, expect, it } from 'vitest';
import { refuse as refuseWith } from '../routing/access-gate.js';
import { DEFAULT_RELAY_LIMITS, type LingerLimits } from '../limits.js';
import { startRig, type Rig } from '../spec/relay-rig.js';
import { Lingering } from './lingering.js';

const LIMITS = { idleMs: 5000, maxMs: 30_000, maxBytes: 1000 };

describe(Lingering.name, () => {
  it('is over after a time without bytes, which begins when the response is out', () => {
    const lingering = new Lingering(LIMITS);
    expect(lingering.drop(1, 1000)).toBe(true);
    expect(lingering.isOver(50_000)).toBe(false);
    expect(lingering.isOver(55_000)).toBe(false);
    lingering.drop(1, 55_000);
    expect(lingering.isOver(60_000)).toBe(false);
    expect(lingering.isOver(60_001)).toBe(true);
  });

  it('is over after a total time, even if the visitor keeps sending', () => {
    const lingering = new Lingering(LIMITS);
    expect(lingering.isOver(1000)).toBe(false);
    for (let now = 1000; now < 31_000; now += 250) {
      expect(lingering.isOver(now)).toBe(false);
      lingering.drop(1, now);
    }
    expect(lingering.isOver(31_000)).toBe(true);
  });

  it('drops bytes up to its limit', () => {
    const lingering = new Lingering(LIMITS);
    expect([lingering.drop(600, 0), lingering.drop(400, 0), lingering.drop(1, 0)]).toEqual([
      true,
      true,
      false,
    ]);
  });
});

const ANSWER = 'HTTP/1.1 413 Content Too Large\r\nContent-Length: 9\r\nConnection: close\r\n\r\ntoo large';
/** Every way to be refused early, and the status that the visitor has to see. */
const REFUSALS: readonly [string, number, ((service: net.Socket) => void) | null][] = [
  ['a service that continues to read', 413, (service) => void service.write(ANSWER)],
  ['a service that closes', 413, (service) => void service.end(ANSWER)],
  ['the edge', 401, null],
];
const HEAD = 'POST / HTTP/1.1\r\nHost: demo.preview.test\r\nTransfer-Encoding: chunked\r\n\r\n';
const PIECE = `400\r\n${'x'.repeat(0x400)}\r\n`;

const rigs = new Set<Rig>();
afterAll(async () => void (await Promise.all([...rigs].map((rig) => rig.stop()))));

/** @param refuse how the service refuses; null: the edge does */
async function start(
  refuse: ((service: net.Socket) => void) | null,
  linger: Partial<LingerLimits>,
): Promise<Rig> {
  const serve = (service: net.Socket) => void service.once('data', () => refuse?.(service)).resume();
  const limits = { linger: { ...DEFAULT_RELAY_LIMITS.linger, ...linger } };
  const rig = await startRig(null, { serve, limits });
  rigs.add(rig);
  if (refuse === null) rig.gate.check = () => refuseWith('access_denied');
  return rig;
}

describe('a visitor that is refused early', () => {
  // The edge closed two seconds after its last output: clients that first send everything got a broken pipe.
  it.concurrent.each(REFUSALS)(
    'reads the answer of %s once it has sent everything',
    async (_by, status, refuse) => {
      const { port } = await start(refuse, { idleMs: 1000 });
      const socket = net.connect(port, '127.0.0.1').pause();
      const failed = once(socket, 'error');
      socket.write(HEAD);
      for (let i = 0; i < 26; i++) {
        socket.write(PIECE);
        await Promise.race([new Promise((resolve) => setTimeout(resolve, 100)), failed]);
      }
      socket.write('0\r\n\r\n');
      expect(await text(socket)).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      socket.destroy();
    },
  );

  it.concurrent.each([
    ['falls silent', { idleMs: 250 }, 0],
    ['has sent for too long', { maxMs: 500 }, 1],
    ['has sent too much', { maxBytes: 100_000 }, 100],
  ])('loses its connection when it %s', async (_why, linger, pieces) => {
    const rig = await start(null, linger);
    const socket = net.connect({ port: rig.port, host: '127.0.0.1', allowHalfOpen: true });
    socket.on('error', () => {});
    socket.write(HEAD);
    await once(socket, 'data');
    const timer = setInterval(() => socket.write(PIECE.repeat(pieces)), 50);
    await rig.whenConnectionsAre(0);
    expect(rig.relay.connectionCount).toBe(0);
    clearInterval(timer);
    socket.destroy();
  });
});
