import type { Credential } from '@culvert/api-client';
import { EdgeFleet } from '@culvert/testkit';
import { GoAwayCode, type IncomingStream, type TunnelConnection } from '@culvert/tunnel';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { MovingTunnel } from './moving-tunnel.js';

/** Secrets that last a while, one after the other. */
class Secrets implements Credential {
  count = 1;
  renewAtMs = Infinity;
  isRefused = false;
  asked = 0;

  secret(): Promise<string> {
    this.asked++;
    return this.isRefused ? Promise.reject(new Error('no secret')) : Promise.resolve(`secret-${this.count}`);
  }

  renew(): Promise<boolean> {
    return Promise.resolve(true);
  }

  renewAt(): number {
    return this.renewAtMs;
  }

  /** Issues another secret, which connections should change to at once. */
  replace(): void {
    this.count++;
  }
}

const TARGET = { interceptId: 'i', host: 'web', port: 80, tls: false, serverName: '', verifyTls: true };

let edge: EdgeFleet;
let secrets: Secrets;
let tunnel: MovingTunnel | null = null;
let events: string[] = [];
let streams: IncomingStream[] = [];

beforeEach(async () => {
  edge = await EdgeFleet.start('e1');
  secrets = new Secrets();
  events = [];
  streams = [];
});
afterEach(async () => {
  tunnel?.close('the test is over');
  await edge.stop();
});

function keep(): MovingTunnel {
  tunnel = new MovingTunnel({
    url: new URL(edge.url),
    connectTimeoutMs: 4000,
    hello: { managerId: 'm1', clusterId: '', name: 'm1', version: '0.1.0' },
    credential: secrets,
    onOpen: () => events.push('open'),
    onMove: () => events.push('move'),
    onClose: ({ code }, secret) => events.push(`close ${code} ${secret}`),
    onStream: (stream) => streams.push(stream),
    onRefused: (status, _reason, secret) => void events.push(`refused ${status} ${secret}`),
    onCredentialError: () => events.push('credential error'),
    onGiveUp: () => events.push('give up'),
    onFault: (error) => events.push(`fault ${String(error)}`),
  });
  return tunnel;
}

const event = (wanted: string) =>
  vi.waitFor(() => expect(events).toContain(wanted), { timeout: 5000, interval: 5 });

/** Resolves once the credential was asked this many more times. */
function askedAgain(times: number): Promise<void> {
  const wanted = secrets.asked + times;
  return vi.waitFor(() => expect(secrets.asked).toBeGreaterThanOrEqual(wanted), {
    timeout: 5000,
    interval: 5,
  });
}

/** Opens a tunnel that changes to the next secret as soon as there is one, and resolves with the tunnel at the edge. */
async function openUntilMove(): Promise<TunnelConnection> {
  secrets.renewAtMs = 0;
  keep();
  await event('open');
  const [{ tunnel: first }] = await edge.settled('e1');
  return first;
}

describe(MovingTunnel.name, () => {
  it('moves to a tunnel with the next secret while streams of the old one continue', async () => {
    const first = await openUntilMove();
    const received: string[] = [];
    const stream = first.openStream(TARGET, {
      onOpen: () => {},
      onData: (chunk) => received.push(chunk.toString()),
      onEnd: () => received.push('end'),
      onReset: () => received.push('reset'),
      onDrain: () => {},
    });
    await vi.waitFor(() => expect(streams).toHaveLength(1));
    secrets.replace();
    await event('move');
    const [{ tunnel: second }] = await edge.settled('e1');
    expect(second).not.toBe(first);
    streams[0]?.write(Buffer.from('late'));
    streams[0]?.end();
    await vi.waitFor(() => expect(received).toEqual(['late', 'end']));
    stream?.end();
    await vi.waitFor(() => expect(first.state).toBe('closed'));
    expect(events).toEqual(['open', 'move']);
  });

  it('keeps its tunnel while the next one cannot be opened', async () => {
    const first = await openUntilMove();
    edge.reached = [];
    secrets.replace();
    await askedAgain(3);
    expect([first.state, tunnel?.isOpen, events]).toEqual(['open', true, ['open']]);
    edge.reached = ['e1'];
    await event('move');
    expect(events).toEqual(['open', 'move']);
  });

  it('keeps its tunnel while there is no other secret', async () => {
    const first = await openUntilMove();
    secrets.isRefused = true;
    await askedAgain(2);
    expect([first.state, events]).toEqual(['open', ['open']]);
    secrets.isRefused = false;
    secrets.replace();
    await event('move');
  });

  it('does not report the end of the tunnel that it left', async () => {
    const first = await openUntilMove();
    first.openStream(TARGET, { onOpen() {}, onData() {}, onEnd() {}, onReset() {}, onDrain() {} });
    secrets.replace();
    await event('move');
    first.close(GoAwayCode.KEY_REVOKED, 'expired');
    await edge.settled('e1');
    expect(events).toEqual(['open', 'move']);
    expect(tunnel?.isOpen).toBe(true);
  });

  it('reports the secret of a tunnel that ends', async () => {
    keep();
    const [{ tunnel: first }] = await edge.settled('e1');
    await event('open');
    first.close(GoAwayCode.KEY_REVOKED, 'revoked');
    await event(`close ${GoAwayCode.KEY_REVOKED} secret-1`);
    expect(tunnel?.isOpen).toBe(false);
  });

  it('ends every tunnel when it stops, those that it left included', async () => {
    const first = await openUntilMove();
    first.openStream(TARGET, { onOpen() {}, onData() {}, onEnd() {}, onReset() {}, onDrain() {} });
    secrets.replace();
    await event('move');
    const [{ tunnel: second }] = await edge.settled('e1');
    await tunnel?.stop('stopping', 20);
    await vi.waitFor(() => expect([first.state, second.state]).toEqual(['closed', 'closed']));
  });
});
