import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { SeenRequest } from '@culvert/client';
import { afterEach, describe, expect, it } from 'vitest';
import { ReloadClient } from './reload-client.js';

const servers: http.Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const PAGE: SeenRequest = {
  startedAt: new Date(),
  method: 'GET',
  path: '/',
  state: 'ended',
  status: 200,
  upgrade: '',
  durationMs: 1,
  receivedBytes: 0,
  sentBytes: 1,
  failure: null,
  notes: [],
  refusal: null,
};
const SOCKET: SeenRequest = { ...PAGE, path: '/ws', state: 'open', status: 101, upgrade: 'websocket' };

async function start(answer: http.RequestListener) {
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const notes: string[] = [];
  let told = (): void => undefined;
  const client = new ReloadClient({
    target: { host: '127.0.0.1', port: (server.address() as AddressInfo).port, isTls: false },
    note: (text) => {
      notes.push(text);
      told();
    },
    connectMs: 0,
  });
  return { server, client, notes, next: new Promise<void>((resolve) => (told = resolve)) };
}

const webpack: http.RequestListener = ({ url }, response) =>
  response
    .setHeader(
      'content-type',
      url?.startsWith('/__webpack_dev_server__/') ? 'application/javascript' : 'text/html',
    )
    .end();

describe(ReloadClient.name, () => {
  it('says how pages of webpack-dev-server reload, when a page has opened no WebSocket', async () => {
    const { client, notes, next } = await start(webpack);
    client.handleRequest(PAGE);
    await next;
    client.handleRequest(PAGE);
    expect(notes).toEqual([expect.stringContaining("webSocketURL: 'auto://0.0.0.0:0/ws'")]);
  });

  it('says nothing of other servers, which answer every path with their page', async () => {
    const { server, client, notes } = await start((_request, response) =>
      response.setHeader('content-type', 'text/html').end(),
    );
    const closed = new Promise<void>((resolve) => {
      server.on('connection', (socket) => socket.once('close', () => resolve()));
    });
    client.handleRequest(PAGE);
    await closed;
    expect(notes).toEqual([]);
  });

  it('asks nothing once a WebSocket is open, nor before a page was loaded', async () => {
    let asked = 0;
    const { client, notes } = await start((request, response) => {
      asked++;
      webpack(request, response);
    });
    client.handleRequest(SOCKET);
    client.handleRequest(PAGE);
    await new Promise(setImmediate);
    expect([asked, notes]).toEqual([0, []]);
  });
});
