import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import { createTestCertificate } from '@culvert/testkit';
import { afterEach, describe, expect, it } from 'vitest';
import { PublicListener } from './public-listener.js';

const LISTEN = { port: 0, host: '127.0.0.1', adminPort: null };

describe(PublicListener.name, () => {
  let listener: PublicListener | undefined;
  const sockets: net.Socket[] = [];
  afterEach(() => {
    listener?.close();
    for (const socket of sockets.splice(0)) socket.destroy();
  });

  const echo = (socket: net.Socket, { isSecure }: { isSecure: boolean }): void => {
    sockets.push(socket);
    socket.on('data', (chunk) => socket.write(`${isSecure ? 'secure' : 'clear'} ${String(chunk)}`));
  };

  it('knows its port before it serves, and serves those who came early', async () => {
    listener = await PublicListener.open({ listen: LISTEN, tls: null });
    const early = net.connect(listener.port, '127.0.0.1');
    sockets.push(early);
    early.write('hello');
    await once(early, 'connect');
    listener.serve(echo);
    expect(String((await once(early, 'data'))[0])).toBe('clear hello');
  });

  it('survives those who fail the TLS handshake and serves the others', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'culvert-test-'));
    const { cert, key } = createTestCertificate(['localhost']);
    const tlsFiles = { certFile: join(directory, 'cert'), keyFile: join(directory, 'key') };
    writeFileSync(tlsFiles.certFile, cert);
    writeFileSync(tlsFiles.keyFile, key, { mode: 0o600 });
    listener = await PublicListener.open({ listen: LISTEN, tls: tlsFiles });
    rmSync(directory, { recursive: true });
    listener.serve(echo);

    const probe = net.connect(listener.port, '127.0.0.1');
    probe.on('error', () => {});
    probe.end('GET / HTTP/1.1\r\n\r\n');
    await once(probe.resume(), 'close');
    const visitor = tls.connect({
      port: listener.port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: cert,
    });
    sockets.push(visitor);
    visitor.write('hello');
    expect(String((await once(visitor, 'data'))[0])).toBe('secure hello');
  });

  it('rejects when the port is taken', async () => {
    listener = await PublicListener.open({ listen: LISTEN, tls: null });
    await expect(
      PublicListener.open({ listen: { ...LISTEN, port: listener.port }, tls: null }),
    ).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });
});
