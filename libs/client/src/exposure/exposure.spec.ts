import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { createTestCertificate, EdgeFleet } from '@culvert/testkit';
import { ResetCode, type StreamTarget } from '@culvert/tunnel';
import { keyCredential } from '@culvert/api-client';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Exposure, type ExposureTarget } from './exposure.js';

const cleanUps: (() => unknown)[] = [];
let edge: EdgeFleet;
beforeEach(async () => {
  edge = await EdgeFleet.start('e1');
  cleanUps.push(() => edge.stop());
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).toReversed()) await cleanUp();
});

/** A service that greets with its name and ends the connection. */
async function service(name: string, tls: { cert: string; key: string } | null = null): Promise<number> {
  const server =
    tls === null
      ? createServer((socket) => socket.end(name))
      : createTlsServer(tls, (socket) => socket.end(name));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

function targetAt(port: number, isTls = false): ExposureTarget {
  return { target: { host: '127.0.0.1', port, isTls }, verifyTls: false, onFailure: () => {} };
}

function exposureOf(targets: readonly ExposureTarget[]): Exposure {
  const exposure = new Exposure({
    url: edge.url,
    ca: undefined,
    bearer: keyCredential(() => Promise.resolve('key-12345')),
    managerId: 'workstation/a/b',
    name: 'ann@laptop',
    targets,
    onConnected: () => {},
    onLost: () => {},
    onEnded: () => {},
  });
  cleanUps.push(() => exposure.close());
  return exposure;
}

/** Opens a stream as an edge does. Resolves with all that arrives, or the reason of its reset. */
async function ask(change: Partial<StreamTarget>): Promise<string> {
  const [{ tunnel }] = await edge.settled('e1');
  return new Promise((resolve) => {
    let received = '';
    const target = {
      interceptId: '1:a',
      host: '127.0.0.1',
      port: 1,
      tls: false,
      serverName: '',
      verifyTls: false,
    };
    const stream = tunnel.openStream(
      { ...target, ...change },
      {
        onOpen: () => {},
        onData: (chunk) => (received += chunk.toString()),
        onEnd: () => {
          stream?.end();
          resolve(received);
        },
        onReset: (code, detail) => resolve(`${code === ResetCode.FORBIDDEN ? 'forbidden' : code}: ${detail}`),
        onDrain: () => {},
      },
    );
  });
}

describe(Exposure.name, () => {
  it('leads each stream to the target that it names, all over one tunnel', async () => {
    const certificate = createTestCertificate(['127.0.0.1']);
    const [shop, admin, secure] = [
      await service('shop'),
      await service('admin'),
      await service('secure', certificate),
    ];
    exposureOf([targetAt(shop), targetAt(admin), targetAt(secure, true)]);
    expect(
      await Promise.all([ask({ port: admin }), ask({ port: shop }), ask({ port: secure, tls: true })]),
    ).toEqual(['admin', 'shop', 'secure']);
    expect(edge.tunnels).toHaveLength(1);
  });

  it('refuses streams to anything else on its machine, whatever the preview was changed to', async () => {
    const [shop, other] = [await service('shop'), await service('other')];
    exposureOf([targetAt(shop)]);
    const refusal = `forbidden: this machine exposes only 127.0.0.1:${shop}`;
    expect(await ask({ port: other })).toBe(refusal);
    expect(await ask({ port: shop, host: 'localhost' })).toBe(refusal);
    expect(await ask({ port: shop, tls: true })).toBe(refusal);
    expect(await ask({ port: shop })).toBe('shop');
  });

  it('names at most three of many targets in a refusal', async () => {
    exposureOf([1, 2, 3, 4, 5].map((port) => targetAt(port)));
    expect(await ask({ port: 6 })).toBe(
      'forbidden: this machine exposes only 127.0.0.1:1, 127.0.0.1:2, 127.0.0.1:3 and 2 more',
    );
  });

  it('reports failures of a target to that target alone', async () => {
    const closed = await service('closed');
    await cleanUps.pop()!();
    const shop = await service('shop');
    const failures: string[] = [];
    exposureOf([
      { ...targetAt(closed), onFailure: ({ code }) => failures.push(`closed ${code}`) },
      { ...targetAt(shop), onFailure: ({ code }) => failures.push(`shop ${code}`) },
    ]);
    await ask({ port: closed });
    await ask({ port: shop });
    expect(failures).toEqual([`closed ${ResetCode.INGRESS_REFUSED}`]);
  });

  it('is not made of two targets that are the same', () => {
    expect(() => exposureOf([targetAt(1), targetAt(1)])).toThrow(
      expect.objectContaining({ code: 'usage', message: '127.0.0.1:1 is exposed twice' }),
    );
    expect(() => exposureOf([targetAt(1), targetAt(1, true)])).not.toThrow();
  });

  it('accepts targets that are added, and refuses those that it forgot', async () => {
    const [shop, admin] = [await service('shop'), await service('admin')];
    const first = targetAt(shop);
    const exposure = exposureOf([first]);
    expect(await ask({ port: admin })).toMatch(/^forbidden/);
    exposure.add(targetAt(admin));
    expect(await ask({ port: admin })).toBe('admin');
    exposure.forget(first);
    expect(await ask({ port: shop })).toBe(`forbidden: this machine exposes only 127.0.0.1:${admin}`);
  });

  it('has several targets of one address while two of them change places', async () => {
    const shop = await service('shop');
    const old = targetAt(shop);
    const exposure = exposureOf([old]);
    exposure.add(targetAt(shop));
    exposure.forget(old);
    expect(await ask({ port: shop })).toBe('shop');
  });

  it.each(['forget', 'cut'] as const)(
    'keeps open streams to a target that it forgets, and breaks those to one that is cut: %s',
    async (how) => {
      const server = createServer({ allowHalfOpen: true }, (socket) => {
        socket.on('error', () => {});
        exposure[how](target);
        // Sent only once the streams of a target that was cut are broken.
        setImmediate(() => socket.end('late'));
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      cleanUps.push(() => server.close());
      const target = targetAt((server.address() as AddressInfo).port);
      const exposure = exposureOf([target]);
      const answer = await ask({ port: target.target.port });
      if (how === 'forget') expect(answer).toBe('late');
      else expect(answer).not.toBe('late');
    },
  );
});
