import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createServer } from 'node:https';
import { createServer as createTcpServer, type AddressInfo } from 'node:net';
import { ConnectProxy, createTestCertificate, TestServer } from '@culvert/testkit';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { judgeVersion } from './api-checks.js';
import { type CheckResult, runChecks } from './check.js';
import { connectionChecks } from './connection-checks.js';

const howToUpdate = (version: string): string => `Install ${version}.`;
const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  vi.unstubAllEnvs();
  for (const stop of stops.splice(0)) await stop();
});

async function results(url: string, ca?: string, secret?: string): Promise<Record<string, CheckResult>> {
  const checks = connectionChecks({
    url,
    ca,
    secret: secret === undefined ? null : () => Promise.resolve(secret),
    version: '1.2.3',
    howToUpdate,
  });
  const all = await runChecks(checks, { signal: new AbortController().signal, timeoutMs: 20_000 });
  return Object.fromEntries(all.map((result) => [result.id, result]));
}

const statesOf = (found: Record<string, CheckResult>) =>
  Object.fromEntries(Object.values(found).map(({ id, state }) => [id, state]));

async function startServer(): Promise<TestServer> {
  const server = await TestServer.start();
  stops.push(() => server.close());
  return server;
}

const CULVERT: RequestListener = (_request, response) =>
  void response.writeHead(200, { 'content-type': 'application/json' }).end('{"version":"1.2.3"}');

/** Starts an https server with a certificate for these names. Returns its port and certificate. */
async function startSecure(names: readonly string[]): Promise<{ port: number; cert: string }> {
  const certificate = createTestCertificate(names);
  const server = createServer(certificate, CULVERT);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  stops.push(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  return { port: (server.address() as AddressInfo).port, cert: certificate.cert };
}

describe('the checks of the way to Culvert', () => {
  it('pass at a server that answers like Culvert, and skip the tunnel without a credential', async () => {
    const server = await startServer();
    server.always(200, { version: '1.2.3' });
    expect(statesOf(await results(server.url))).toEqual({
      name: 'ok',
      proxy: 'ok',
      tcp: 'ok',
      tls: 'ok',
      api: 'ok',
      version: 'ok',
      clock: 'ok',
      tunnel: 'skipped',
    });
  });

  it('say that nothing listens, and skip what needs a connection', async () => {
    const server = createTcpServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    await once(server, 'close');
    const found = await results(`http://127.0.0.1:${port}`, undefined, 'the-key');
    expect(found['tcp']).toMatchObject({
      state: 'failure',
      message: expect.stringContaining('nothing listens') as string,
    });
    expect(statesOf(found)).toMatchObject({
      tls: 'skipped',
      api: 'skipped',
      clock: 'skipped',
      tunnel: 'skipped',
    });
  });

  it('recognize a server that is not Culvert', async () => {
    const server = await startServer();
    server.always(200, '<html>', { 'content-type': 'text/html' });
    const { api } = await results(server.url);
    expect(api).toMatchObject({
      state: 'failure',
      message: expect.stringContaining('does not answer like Culvert') as string,
    });
  });

  it('report a clock that is off, by the time of the server', async () => {
    const server = await startServer();
    server.always(200, { version: '1.2.3' }, { date: new Date(Date.now() - 3_600_000).toUTCString() });
    const { clock } = await results(server.url);
    expect(clock).toMatchObject({
      state: 'failure',
      message: expect.stringMatching(/is 3\d\d\d s ahead/) as string,
    });
  });

  it('say which proxy setting is missing when the proxy wants a password, without showing one', async () => {
    const proxy = await ConnectProxy.start();
    stops.push(() => proxy.stop());
    proxy.status = 407;
    vi.stubEnv('HTTP_PROXY', proxy.url.replace('//', '//ann:planted-password@'));
    vi.stubEnv('NO_PROXY', '');
    const found = await results('http://culvert.example.test');
    expect(found['proxy']).toMatchObject({
      state: 'failure',
      advice: expect.stringContaining('user name and password') as string,
    });
    expect(found['name']?.state).toBe('ok');
    expect(JSON.stringify(found)).not.toMatch(/planted-password|ann:/);
  });

  it('go through the proxy, which alone knows the name', async () => {
    const server = await startServer();
    server.always(200, { version: '1.2.3' });
    const proxy = await ConnectProxy.start();
    stops.push(() => proxy.stop());
    proxy.names.set('culvert.example.test', '127.0.0.1');
    vi.stubEnv('HTTP_PROXY', proxy.url);
    vi.stubEnv('NO_PROXY', '');
    const found = await results(`http://culvert.example.test:${new URL(server.url).port}`);
    expect(statesOf(found)).toMatchObject({ name: 'ok', proxy: 'ok', tcp: 'ok', api: 'ok' });
  });

  /** Sends the checks of https URLs through a proxy, which alone knows the name culvert.example.test. */
  async function startProxyBefore(
    port: number,
  ): Promise<{ readonly proxy: ConnectProxy; readonly url: string }> {
    const proxy = await ConnectProxy.start();
    stops.push(() => proxy.stop());
    proxy.names.set('culvert.example.test', '127.0.0.1');
    vi.stubEnv('HTTPS_PROXY', proxy.url.replace('//', '//ann:planted-password@'));
    vi.stubEnv('NO_PROXY', '');
    return { proxy, url: `https://culvert.example.test:${port}` };
  }

  it('see the certificate of Culvert itself through a proxy that passes TLS on', async () => {
    const { port, cert } = await startSecure(['culvert.example.test']);
    const { proxy, url } = await startProxyBefore(port);
    const found = await results(url, cert);
    expect(statesOf(found)).toMatchObject({ name: 'ok', proxy: 'ok', tcp: 'ok', tls: 'ok', api: 'ok' });
    expect(found['tls']?.facts).toMatchObject({
      proxy: proxy.url,
      chain: [{ subject: 'culvert.example.test' }],
    });
    expect(new Set(proxy.asked)).toEqual(new Set([`culvert.example.test:${port}`]));
    expect(JSON.stringify(found)).not.toContain('planted-password');
  });

  it('say that a proxy may decrypt TLS, and what to trust, when it shows a certificate of its own authority', async () => {
    const { port, cert } = await startSecure(['culvert.example.test']);
    const { proxy, url } = await startProxyBefore(port);
    const authority = createTestCertificate(['Company Proxy CA']);
    proxy.interceptsWith = createTestCertificate(['culvert.example.test'], authority);
    const found = await results(url, cert);
    expect(found['tls']).toMatchObject({
      state: 'failure',
      message: expect.stringContaining('its issuer Company Proxy CA is not a trusted authority') as string,
      advice: expect.stringMatching(
        /^The proxy http:\/\/127\.0\.0\.1:\d+ may decrypt TLS with its own authority, Company Proxy CA\. .*--ca-file/,
      ) as string,
    });
    expect(found['api']?.state).toBe('skipped');
    const trusting = await results(url, authority.cert);
    expect(statesOf(trusting)).toMatchObject({ tls: 'ok', api: 'ok' });
    expect(trusting['tls']?.message).toContain('by Company Proxy CA');
    expect(trusting['tls']?.message).toContain(
      `if this authority is that of the proxy ${proxy.url}, the proxy decrypts`,
    );
    expect(JSON.stringify([found, trusting])).not.toContain('planted-password');
  });

  it('show a certificate that is not trusted', async () => {
    const { port } = await startSecure(['127.0.0.1']);
    const { tls, api } = await results(`https://127.0.0.1:${port}`);
    expect(tls).toMatchObject({
      state: 'failure',
      message: expect.stringContaining('127.0.0.1 issued it itself') as string,
      advice: expect.stringContaining('CULVERT_CA_FILE') as string,
    });
    expect(api?.state).toBe('skipped');
  });

  it('pass when the given certificates hold its authority, and say so', async () => {
    const { port, cert } = await startSecure(['127.0.0.1']);
    const { tls, api } = await results(`https://127.0.0.1:${port}`, cert);
    expect(tls).toMatchObject({
      state: 'ok',
      facts: { trustedBy: 'ca-file', chain: [{ subject: '127.0.0.1' }] },
    });
    expect(api?.state).toBe('ok');
  });

  it('say for which name a certificate is, if it is for another one', async () => {
    const { port, cert } = await startSecure(['other.example.test']);
    const { tls } = await results(`https://127.0.0.1:${port}`, cert);
    expect(tls).toMatchObject({
      state: 'failure',
      message: expect.stringContaining('it is for other.example.test') as string,
    });
  });

  it('recognize a server without TLS at an https URL', async () => {
    const server = await startServer();
    const { tls } = await results(server.url.replace('http:', 'https:'));
    expect(tls).toMatchObject({ state: 'failure', advice: 'Use http:// instead of https://.' });
  });

  it('say that a proxy in front does not pass WebSockets', async () => {
    const server = await startServer();
    server.always(200, { version: '1.2.3' });
    const { tunnel } = await results(server.url, undefined, 'the-key');
    expect(tunnel).toMatchObject({
      state: 'failure',
      advice: expect.stringContaining('forward Upgrade') as string,
    });
  });
});

describe('the comparison of versions', () => {
  it.each([
    ['1.2.3', '1.2.3', 'ok'],
    ['1.2.3', '1.3.0', 'warning'],
    ['1.2.3', '1.2.0', 'ok'],
    ['1.2.3', '2.0.0', 'failure'],
    ['1.2.3', null, 'ok'],
    ['1.2.3', 'unknown', 'ok'],
  ])('of program %s with server %s: %s', (own, server, state) => {
    expect(judgeVersion({ version: own, howToUpdate }, server).state).toBe(state);
  });
});
