import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { KeptTunnel, type KeptTunnelOptions } from './kept-tunnel.js';

/** The credential that the acceptor knows. It answers this one with 503 and others with 401, and never opens a tunnel. */
let known: string;
let acceptor: Server;
let kept: KeptTunnel | null = null;
const shown: (string | undefined)[] = [];
const waits: number[] = [];
const faults: unknown[] = [];

beforeEach(async () => {
  known = 'Bearer new';
  for (const list of [shown, waits, faults]) list.length = 0;
  acceptor = createServer();
  acceptor.on('upgrade', ({ headers: { authorization } }, socket) => {
    // The end of a test closes an attempt that was answered and has not read it: the kernel resets that connection.
    socket.on('error', () => {});
    shown.push(authorization);
    const status = authorization === known ? '503 Service Unavailable' : '401 Unauthorized';
    socket.end(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`);
  });
  acceptor.listen(0, '127.0.0.1');
  await once(acceptor, 'listening');
});
afterEach(() => {
  kept?.close('the test is over');
  acceptor.closeAllConnections();
  acceptor.close();
});

function keep(options: Pick<KeptTunnelOptions, 'credential' | 'onRefused'>): void {
  kept = new KeptTunnel({
    url: new URL(`http://127.0.0.1:${(acceptor.address() as AddressInfo).port}`),
    connectTimeoutMs: 4000,
    hello: { managerId: 'm1', clusterId: '', name: 'm1', version: '0.1.0', instanceId: 'i1' },
    onOpen: () => {},
    onClose: () => {},
    onCredentialError: (error) => faults.push(error),
    onRetry: (delayMs) => waits.push(delayMs),
    onGiveUp: () => {},
    onFault: (error) => faults.push(error),
    ...options,
  });
}

describe('a tunnel that is refused with 401', () => {
  it('is dialed again soon with a credential that was renewed because of it', async () => {
    let credential = 'old';
    keep({
      credential: () => Promise.resolve(credential),
      onRefused: async () => {
        await new Promise(setImmediate);
        credential = 'new';
      },
    });
    // The dialer continues with the new credential: the acceptor never opens a tunnel.
    await expect.poll(() => shown.slice(0, 2)).toEqual(['Bearer old', 'Bearer new']);
    expect(waits[0]).toBeLessThan(1000);
  });

  it('is dialed again slowly when the credential stays the same', async () => {
    keep({ credential: () => Promise.resolve('old'), onRefused: () => {} });
    await expect.poll(() => waits.length).toBe(1);
    expect(waits[0]).toBeGreaterThanOrEqual(30_000);
    expect(shown).toEqual(['Bearer old']);
  });

  it('is dialed again although onRefused failed, and reports that fault', async () => {
    const failure = new Error('cannot renew');
    keep({ credential: () => Promise.resolve('old'), onRefused: () => Promise.reject(failure) });
    await expect.poll(() => waits.length).toBe(1);
    expect(faults).toEqual([failure]);
  });

  it('is not dialed again after it was closed meanwhile', async () => {
    let isTold = false;
    keep({
      credential: () => Promise.resolve('new'),
      onRefused: () => {
        kept!.close('given up');
        isTold = true;
      },
    });
    await expect.poll(() => isTold).toBe(true);
    await new Promise(setImmediate);
    expect(waits).toEqual([]);
  });
});
