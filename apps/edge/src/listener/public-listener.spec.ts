import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { seriesOf } from '@culvert/measure';
import { createTestCertificate, type TestCertificate } from '@culvert/testkit';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { PublicListener } from './public-listener.js';

const LISTEN = { port: 0, host: '127.0.0.1', adminPort: null, metrics: null };

describe(PublicListener.name, () => {
  let listener: PublicListener | undefined;
  let directory: string;
  let lines: string[];
  const log = pino({ level: 'info' }, { write: (line) => void lines.push(line) });
  const sockets: net.Socket[] = [];
  beforeEach(() => {
    lines = [];
    directory = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  });
  afterEach(() => {
    listener?.close();
    for (const socket of sockets.splice(0)) socket.destroy();
    rmSync(directory, { recursive: true });
  });

  const files = () => ({ certFile: join(directory, 'cert'), keyFile: join(directory, 'key'), lookMs: 10 });

  function write(pair: TestCertificate): TestCertificate {
    writeFileSync(files().keyFile, pair.key, { mode: 0o600 });
    writeFileSync(files().certFile, pair.cert);
    return pair;
  }

  /** Resolves with a connection; rejects unless the certificate is `ca`. */
  function visit(ca: string): Promise<tls.TLSSocket> {
    return new Promise((resolve, reject) => {
      const visitor = tls.connect(
        {
          port: listener!.port,
          host: '127.0.0.1',
          servername: 'localhost',
          ca,
          ALPNProtocols: ['h2', 'http/1.1'],
        },
        () => resolve(visitor),
      );
      visitor.on('error', reject);
      sockets.push(visitor);
    });
  }

  async function answer(visitor: tls.TLSSocket): Promise<string> {
    visitor.write('hello');
    return String((await once(visitor, 'data'))[0]);
  }

  const echo = (socket: net.Socket, { isSecure }: { isSecure: boolean }): void => {
    sockets.push(socket);
    socket.on('data', (chunk) => socket.write(`${isSecure ? 'secure' : 'clear'} ${String(chunk)}`));
  };

  it('knows its port before it serves, and serves early connections', async () => {
    listener = await PublicListener.open({ listen: LISTEN, tls: null }, log);
    const early = net.connect(listener.port, '127.0.0.1');
    sockets.push(early);
    early.write('hello');
    await once(early, 'connect');
    listener.serve(echo);
    expect(String((await once(early, 'data'))[0])).toBe('clear hello');
  });

  it('survives clients that fail the TLS handshake, and serves the others', async () => {
    const { cert } = write(createTestCertificate(['localhost']));
    listener = await PublicListener.open({ listen: LISTEN, tls: files() }, log);
    listener.serve(echo);

    const probe = net.connect(listener.port, '127.0.0.1');
    probe.on('error', () => {});
    probe.end('GET / HTTP/1.1\r\n\r\n');
    await once(probe.resume(), 'close');
    expect(await answer(await visit(cert))).toBe('secure hello');
  });

  it('uses a replaced certificate for new connections, and keeps the open ones', async () => {
    const old = write(createTestCertificate(['localhost']));
    listener = await PublicListener.open({ listen: LISTEN, tls: files() }, log);
    listener.serve(echo);
    const early = await visit(old.cert);
    const { cert } = write(createTestCertificate(['localhost']));
    await expect.poll(() => visit(cert).then(answer), { interval: 10 }).toBe('secure hello');
    expect((await visit(cert)).alpnProtocol).toBe('h2');
    await expect(visit(old.cert)).rejects.toThrow(/self-signed/);
    expect(await answer(early)).toBe('secure hello');
    expect(lines.join()).toMatch(/"validTo":"[^"]+".*the certificate has changed/);
    expect(lines.join()).not.toContain('PRIVATE KEY');
  });

  it('keeps its certificate while the files are invalid, and logs it once', async () => {
    const { cert } = write(createTestCertificate(['localhost']));
    listener = await PublicListener.open({ listen: LISTEN, tls: files() }, log);
    listener.serve(echo);
    writeFileSync(files().keyFile, createTestCertificate(['localhost']).key);
    const complaint = /the new certificate cannot be used/g;
    await expect.poll(() => lines.join().match(complaint)?.length, { interval: 10 }).toBe(1);
    expect(await answer(await visit(cert))).toBe('secure hello');
    rmSync(files().certFile);
    const next = write(createTestCertificate(['localhost']));
    await expect.poll(() => visit(next.cert).then(answer), { interval: 10 }).toBe('secure hello');
    expect(lines.join().match(complaint)).toHaveLength(1);
  });

  it('measures handshakes that succeed and that fail, and knows when its certificate expires', async () => {
    const { cert } = write(createTestCertificate(['localhost']));
    listener = await PublicListener.open({ listen: LISTEN, tls: files() }, log);
    listener.serve(echo);
    expect(listener.certificateExpiry).toBe(Date.parse(new X509Certificate(cert).validTo) / 1000);
    await answer(await visit(cert));
    const other = net.connect(listener.port, '127.0.0.1');
    other.on('error', () => {});
    other.write('GET / HTTP/1.1\r\n\r\n');
    other.resume();
    await once(other, 'close');
    const { handshakes } = listener;
    const countOf = (protocol: string, outcome: string) =>
      handshakes.read(seriesOf(handshakes.labels, [protocol, outcome]))?.count ?? 0;
    expect(countOf('http2', 'ok')).toBe(1);
    await expect.poll(() => countOf('none', 'failed')).toBe(1);
    expect(countOf('http1', 'ok')).toBe(0);
  });

  it('rejects if the port is in use', async () => {
    listener = await PublicListener.open({ listen: LISTEN, tls: null }, log);
    await expect(
      PublicListener.open({ listen: { ...LISTEN, port: listener.port }, tls: null }, log),
    ).rejects.toThrow(
      `PORT: ${listener.port} is in use by another program, possibly another Culvert (stop it, or choose another port)`,
    );
  });
});
