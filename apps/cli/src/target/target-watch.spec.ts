import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { ResetCode } from '@culvert/tunnel';
import { afterEach, describe, expect, it } from 'vitest';
import { TargetWatch } from './target-watch.js';

const cleanUps: (() => void)[] = [];
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
});

async function listen(port = 0): Promise<{ port: number; close: () => Promise<unknown> }> {
  const server = createServer((socket) => socket.destroy());
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  cleanUps.push(() => server.close());
  const close = () => once(server.close(), 'close');
  return { port: (server.address() as AddressInfo).port, close };
}

async function freePort(): Promise<number> {
  const { port, close } = await listen();
  await close();
  return port;
}

function watchOf(port: number, isTls = false) {
  const notes: string[] = [];
  const waiting: (() => void)[] = [];
  const watch = new TargetWatch({
    target: { host: '127.0.0.1', port, isTls },
    lookAgainMs: 5,
    note: (text) => {
      notes.push(text);
      for (const tell of waiting.splice(0)) tell();
    },
  });
  cleanUps.push(() => watch.close());
  const next = () => new Promise<void>((resolve) => waiting.push(resolve));
  return { notes, watch, next };
}

describe('the watch of a target', () => {
  it('reports nothing while the target answers', async () => {
    const { port } = await listen();
    const { notes, watch } = watchOf(port);
    await watch.start();
    expect(notes).toEqual([]);
  });

  it('reports once that nothing listens, and when something does', async () => {
    const port = await freePort();
    const { notes, watch, next } = watchOf(port);
    await watch.start();
    expect(notes).toEqual([
      expect.stringContaining(`Nothing listens at 127.0.0.1:${port} (connection refused)`),
    ]);
    for (let i = 0; i < 5; i++) watch.handleFailure({ code: ResetCode.INGRESS_REFUSED, detail: '' });
    expect(notes).toHaveLength(1);
    const told = next();
    const server = await listen(port);
    await told;
    expect(notes[1]).toBe(`127.0.0.1:${port} answers now.`);
    await server.close();
    watch.handleFailure({ code: ResetCode.INGRESS_REFUSED, detail: '' });
    expect(notes).toHaveLength(3);
  });

  it('explains a TLS failure, but not for every request', async () => {
    const { notes, watch } = watchOf(443, true);
    for (let i = 0; i < 5; i++)
      watch.handleFailure({ code: ResetCode.INGRESS_TLS, detail: 'self-signed certificate' });
    expect(notes).toEqual([expect.stringMatching(/self-signed certificate.*--insecure-target/)]);
  });

  it('leaves a broken connection to the request log', () => {
    const { notes, watch } = watchOf(443);
    watch.handleFailure({ code: ResetCode.INGRESS_RESET, detail: '' });
    expect(notes).toEqual([]);
  });

  it('reports nothing once closed', async () => {
    const { notes, watch } = watchOf(await freePort());
    watch.close();
    await watch.start();
    watch.handleFailure({ code: ResetCode.INGRESS_REFUSED, detail: '' });
    expect(notes).toEqual([]);
  });
});
