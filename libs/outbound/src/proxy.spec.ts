/** A tunnel out of a network in which only a proxy has access to the outside. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { ConnectProxy, createTestCertificate } from '@culvert/testkit';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KeptTunnel, type KeptTunnelOptions } from './kept-tunnel.js';

const certificate = createTestCertificate(['127.0.0.1']);
let proxy: ConnectProxy;
let plain: Server;
let secure: Server;
let kept: KeptTunnel | null = null;
/** What the servers saw: `METHOD authorization`. */
const seen: string[] = [];

/** Answers requests with 200, and refuses upgrades with 418. */
async function serve(server: Server): Promise<Server> {
  server.on('request', ({ method, headers }, response) => {
    seen.push(`${method} ${headers.authorization ?? ''}`);
    response.end('here');
  });
  server.on('upgrade', ({ headers }, socket: Duplex) => {
    socket.on('error', () => {});
    seen.push(`UPGRADE ${headers.authorization ?? ''}`);
    socket.end('HTTP/1.1 418 Teapot\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

function authority(server: Server): string {
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

beforeEach(async () => {
  seen.length = 0;
  proxy = await ConnectProxy.start();
  plain = await serve(createServer());
  secure = await serve(createTlsServer(certificate));
  for (const name of ['http_proxy', 'https_proxy', 'no_proxy', 'NO_PROXY', 'all_proxy', 'ALL_PROXY'])
    vi.stubEnv(name, undefined);
  vi.stubEnv('HTTP_PROXY', proxy.url);
  vi.stubEnv('HTTPS_PROXY', proxy.url);
});
afterEach(async () => {
  kept?.close('the test is over');
  vi.unstubAllEnvs();
  for (const server of [plain, secure]) {
    server.closeAllConnections();
    server.close();
  }
  await proxy.stop();
});

const REFUSED_BY_EDGE = { status: 418, reason: 'the edge answered 418 to the upgrade' };

type Outcome = { status: number | null; reason: string } | { error: string };

/** Returns the outcome of the first attempt to open a tunnel. */
function dial(url: string, options: Partial<KeptTunnelOptions> = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    kept = new KeptTunnel({
      url: new URL(url),
      ca: certificate.cert,
      usesProxy: true,
      connectTimeoutMs: 4000,
      hello: { managerId: 'm1', clusterId: '', name: 'm1', version: '0.1.0', instanceId: 'i1' },
      credential: () => Promise.resolve('key'),
      onOpen: () => {},
      onClose: () => {},
      onRefused: (status, reason) => resolve({ status, reason }),
      onCredentialError: (error) => resolve({ error: (error as Error).message }),
      onGiveUp: () => {},
      onFault: (error) => resolve({ error: String(error) }),
      ...options,
    });
  });
}

describe('a tunnel', () => {
  it('goes through HTTPS_PROXY, with TLS from end to end', async () => {
    expect(await dial(`https://${authority(secure)}`)).toEqual(REFUSED_BY_EDGE);
    expect(proxy.asked).toEqual([authority(secure)]);
    expect(seen).toEqual(['UPGRADE Bearer key']);
  });

  it('rejects a certificate for another name behind a proxy', async () => {
    const other = createTestCertificate(['other.example']);
    const impostor = await serve(createTlsServer(other));
    const outcome = await dial(`https://${authority(impostor)}`, { ca: other.cert });
    impostor.close();
    expect(outcome).toMatchObject({ status: null, reason: expect.stringContaining('altnames') as string });
    expect(seen).toEqual([]);
  });

  it('goes through HTTP_PROXY without TLS', async () => {
    expect(await dial(`http://${authority(plain)}`)).toEqual(REFUSED_BY_EDGE);
    expect(proxy.asked).toEqual([authority(plain)]);
  });

  it('sends the name and password of the address to the proxy and not to the edge', async () => {
    vi.stubEnv('HTTP_PROXY', proxy.url.replace('//', '//somebody:p%40ss@'));
    await dial(`http://${authority(plain)}`);
    expect(proxy.credentials).toEqual([`Basic ${Buffer.from('somebody:p@ss').toString('base64')}`]);
    expect(seen).toEqual(['UPGRADE Bearer key']);
  });

  it('does not use the proxy for hosts in NO_PROXY', async () => {
    vi.stubEnv('NO_PROXY', 'example.com,127.0.0.1');
    expect(await dial(`http://${authority(plain)}`)).toEqual(REFUSED_BY_EDGE);
    expect(proxy.asked).toEqual([]);
  });

  it('does not use the proxy within a cluster', async () => {
    expect(await dial(`http://${authority(plain)}`, { usesProxy: false })).toEqual(REFUSED_BY_EDGE);
    expect(proxy.asked).toEqual([]);
  });

  it.each([403, 407, 502])(
    'attributes status %i of a proxy to the proxy, not to the edge',
    async (status) => {
      proxy.status = status;
      const reason = `the proxy answered ${status} to CONNECT`;
      expect(await dial(`https://${authority(secure)}`)).toEqual({ status: null, reason });
      expect(seen).toEqual([]);
    },
  );

  it('reports that the proxy does not answer', async () => {
    const { url } = proxy;
    await proxy.stop();
    expect(await dial(`https://${authority(secure)}`)).toEqual({
      status: null,
      reason: expect.stringContaining(`ECONNREFUSED ${new URL(url).host}`) as string,
    });
    proxy = await ConnectProxy.start();
  });

  it.each(['ftp://proxy.example', 'http://user:secret@[bad'])(
    'reports that %s is not a proxy, without its value',
    async (value) => {
      vi.stubEnv('HTTPS_PROXY', value);
      expect(await dial(`https://${authority(secure)}`)).toEqual({
        error: 'HTTPS_PROXY or HTTP_PROXY is not the http or https address of a proxy',
      });
    },
  );
});
