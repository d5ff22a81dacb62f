import { once } from 'node:events';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { probePages, startAdmin } from './admin-server.js';

describe('startAdmin', () => {
  let server: Server;
  let url: string;
  let isReady: boolean;

  beforeEach(async () => {
    isReady = true;
    server = startAdmin(
      { port: 0, host: '127.0.0.1' },
      { ...probePages(() => isReady), '/broken': () => Promise.reject(new Error('secret host name')) },
    );
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, 'close');
  });

  const ask = async (path: string, method = 'GET') => {
    const response = await fetch(`${url}${path}`, { method });
    return [response.status, await response.text()];
  };

  it('reports that the process lives, whether it is ready or not', async () => {
    isReady = false;
    expect(await ask('/healthz')).toEqual([200, 'ok\n']);
  });

  it('reports whether the process is ready at the moment', async () => {
    expect(await ask('/readyz?verbose')).toEqual([200, 'ok\n']);
    isReady = false;
    expect(await ask('/readyz')).toEqual([503, 'not connected\n']);
  });

  it('answers HEAD without a body, and refuses methods that change something', async () => {
    expect(await ask('/healthz', 'HEAD')).toEqual([200, '']);
    expect(await ask('/healthz', 'POST')).toEqual([405, 'method not allowed\n']);
  });

  it('has no other pages', async () => {
    expect(await ask('/metrics')).toEqual([404, 'not found\n']);
    expect(await ask('/constructor')).toEqual([404, 'not found\n']);
  });

  it('answers 500 for a page that fails, without the reason', async () => {
    expect(await ask('/broken')).toEqual([500, 'failed\n']);
  });
});
