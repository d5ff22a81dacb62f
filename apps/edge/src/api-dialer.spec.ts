import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import type { Dialed } from '@culvert/relay';
import { ResetCode, type StreamHandler } from '@culvert/tunnel';
import { afterEach, describe, expect, it } from 'vitest';
import { ApiDialer, apiAddresses } from './api-dialer.js';

const servers: net.Server[] = [];
const sockets = new Set<net.Socket>();
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
  for (const socket of sockets) socket.destroy();
  sockets.clear();
});

/** A process that answers everything with its name, behind what it read. */
async function serve(name: string, port = 0): Promise<number> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('data', (chunk) => socket.write(`${name} ${chunk.toString()}`));
    socket.on('end', () => socket.end());
  });
  servers.push(server);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

async function unusedPort(): Promise<number> {
  const port = await serve('nobody');
  const server = servers.pop()!;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

class Exchange implements StreamHandler {
  received = '';
  drains = 0;
  hasEnded = false;
  reset: { code: ResetCode; detail: string } | null = null;
  onOpen(): void {}
  onData(chunk: Buffer): void {
    this.received += chunk.toString();
  }
  onEnd(): void {
    this.hasEnded = true;
  }
  onReset(code: ResetCode, detail: string): void {
    this.reset = { code, detail };
  }
  onDrain(): void {
    this.drains++;
  }
}

const addresses = (...ports: number[]) => ports.map((port) => ({ host: '127.0.0.1', port }));

function send(dialer: ApiDialer, text: string): Exchange & { readonly dialed: Dialed } {
  const exchange = new Exchange();
  const dialed = dialer.dial(exchange);
  dialed.stream.write(Buffer.from(text));
  return Object.assign(exchange, { dialed });
}

describe(ApiDialer.name, () => {
  it('spreads connections over all addresses', async () => {
    const dialer = new ApiDialer(addresses(await serve('a'), await serve('b')));
    const exchanges = ['1', '2', '3', '4'].map((text) => send(dialer, text));
    await expect.poll(() => exchanges.map(({ received }) => received)).toEqual(['a 1', 'b 2', 'a 3', 'b 4']);
  });

  it('goes to the next address when one refuses, with all that was written and the end', async () => {
    const dialer = new ApiDialer(addresses(await unusedPort(), await serve('b')));
    for (const text of ['1', '2']) {
      const exchange = send(dialer, text);
      exchange.dialed.stream.end();
      await expect.poll(() => exchange.received).toBe(`b ${text}`);
      await expect.poll(() => exchange.hasEnded).toBe(true);
    }
  });

  it('tries every address for each of many requests at once before it gives up', async () => {
    const dialer = new ApiDialer(addresses(await unusedPort(), await serve('b')), 0);
    const exchanges = Array.from({ length: 50 }, () => send(dialer, '1'));
    await expect
      .poll(() => exchanges.filter(({ received, reset }) => received !== '' || reset !== null).length)
      .toBe(50);
    expect(exchanges.filter(({ reset }) => reset !== null)).toEqual([]);
  });

  it('waits while an API process restarts', async () => {
    const port = await unusedPort();
    const dialer = new ApiDialer(addresses(port));
    const exchange = send(dialer, 'once');
    await new Promise((resolve) => setTimeout(resolve, 250));
    expect(exchange.reset).toBeNull();
    await serve('restarted', port);
    await expect.poll(() => exchange.received).toBe('restarted once');
  });

  it('gives up when none accepts connections for long, and then at once for further requests', async () => {
    const dialer = new ApiDialer(addresses(await unusedPort(), await unusedPort()), 300);
    const first = send(dialer, '1');
    await expect.poll(() => first.reset?.code).toBe(ResetCode.INGRESS_REFUSED);
    expect(first.reset?.detail).toMatch(/^no API process accepts connections: .*ECONNREFUSED/);
    const startedAt = performance.now();
    const second = send(dialer, '2');
    await expect.poll(() => second.reset?.code, { interval: 5 }).toBe(ResetCode.INGRESS_REFUSED);
    expect(performance.now() - startedAt).toBeLessThan(250);
  });

  it('waits again when an API process restarts long after another failure', async () => {
    const port = await unusedPort();
    const dialer = new ApiDialer(addresses(port), 500);
    const first = send(dialer, '1');
    await expect.poll(() => first.reset?.code).toBe(ResetCode.INGRESS_REFUSED);
    // The API may have returned and stopped in this time: no request tried to reach it.
    await new Promise((resolve) => setTimeout(resolve, 700));
    const second = send(dialer, '2');
    await new Promise((resolve) => setTimeout(resolve, 50));
    await serve('restarted', port);
    await expect.poll(() => second.received).toBe('restarted 2');
  });

  it('stops its writer at 64 KiB until there is a connection', async () => {
    const port = await unusedPort();
    const exchange = new Exchange();
    const { stream } = new ApiDialer(addresses(port)).dial(exchange);
    expect(stream.write(Buffer.alloc(65_535))).toBe(true);
    expect(stream.write(Buffer.alloc(1))).toBe(false);
    expect(exchange.drains).toBe(0);
    await serve('late', port);
    await expect.poll(() => exchange.drains).toBe(1);
  });

  it('tries no further once its stream is reset', async () => {
    const port = await unusedPort();
    const dialer = new ApiDialer(addresses(port));
    const exchange = send(dialer, 'gone');
    exchange.dialed.stream.reset(ResetCode.CANCEL);
    expect(exchange.dialed.stream.isOpen).toBe(false);
    await serve('late', port);
    const other = send(dialer, 'next');
    await expect.poll(() => other.received).toBe('late next');
    expect(exchange.received).toBe('');
    expect(sockets.size).toBe(1);
  });
});

describe('apiAddresses', () => {
  it('reads names, addresses and ports', () => {
    expect(apiAddresses(['http://api:8081', 'http://[::1]:90', 'http://api.example.com'])).toEqual([
      { host: 'api', port: 8081 },
      { host: '::1', port: 90 },
      { host: 'api.example.com', port: 80 },
    ]);
  });
});
