/**
 * Lasting load on one reverse connection. The double measures its bandwidth as grpc-go does, with a PING for about
 * every frame of DATA that arrives: PINGs that follow from load are not a flood.
 *
 * `TELEPRESENCE_LOAD=full` makes it last for minutes (docs/telepresence-tunnel.md).
 */
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import { TrafficManagerDouble } from '@culvert/testkit';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { API_KEY } from '../support/deployment.js';
import { startTlsDeployment, type TlsDeployment } from '../support/tls-deployment.js';

const isFull = process.env['TELEPRESENCE_LOAD'] === 'full';
const MESSAGES = isFull ? 24_000 : 2000;
const MESSAGES_PER_SECOND = 400;
const REQUESTS = isFull ? 20_000 : 3000;
const UPLOAD_BYTES = (isFull ? 300 : 32) * 1024 * 1024;
const BLOCK = Buffer.alloc(16_384, 'x');
const TIMEOUT_MS = isFull ? 600_000 : 60_000;

/** The first version has grpc-go inside its reverse connection too, and not only outside. */
const VERSIONS = ['v2.1.5', 'v2.9.5'];

let deployment: TlsDeployment;
let ingress: http.Server;
let double: TrafficManagerDouble;
let agent: https.Agent;

beforeAll(async () => {
  ingress = http.createServer((request, response) => {
    let bytes = 0;
    request.on('data', (chunk: Buffer) => (bytes += chunk.length));
    request.on('end', () => response.end(String(bytes)));
  });
  new WebSocketServer({ server: ingress }).on('connection', (socket) =>
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary })),
  );
  ingress.listen(0, '127.0.0.1');
  await once(ingress, 'listening');
  deployment = await startTlsDeployment();
  agent = new https.Agent({ ca: deployment.ca, keepAlive: true });
});

afterEach(() => {
  double.stop();
  expect(double.mistakes).toEqual([]);
});

afterAll(async () => {
  agent?.destroy();
  await deployment?.stop();
  ingress?.closeAllConnections();
  ingress?.close();
});

async function share(version: string): Promise<string> {
  const { port, ca } = deployment;
  double = new TrafficManagerDouble({
    host: 'localhost',
    address: '127.0.0.1',
    port,
    ca,
    apiKey: API_KEY,
    version,
  });
  const { id } = double.addIntercept({ name: 'web' });
  const { port: ingressPort } = ingress.address() as AddressInfo;
  return double.createPreview(id, { ingress: { host: '127.0.0.1', port: ingressPort } });
}

/** Sends a request with `bytes` of body, at most one block a millisecond. Returns the status and the response. */
async function send(hostname: string, method: string, bytes = 0): Promise<string> {
  const request = https.request({
    host: '127.0.0.1',
    port: deployment.port,
    method,
    agent,
    servername: hostname,
    headers: { host: hostname, 'x-ambassador-api-key': API_KEY, 'content-length': bytes },
  });
  const answered = once(request, 'response') as Promise<[http.IncomingMessage]>;
  // A request that breaks off rejects `answered`; writing must not wait for it.
  let isOver = false;
  answered.catch(() => undefined).finally(() => (isOver = true));
  for (let left = bytes; left > 0 && !isOver; left -= BLOCK.length) {
    if (!request.write(BLOCK)) await Promise.race([once(request, 'drain'), answered]);
    await setTimeout(1);
  }
  request.end();
  const [response] = await answered;
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return `${response.statusCode} ${text}`;
}

/** Sends messages at an even rate, and waits until each has come back. */
async function exchangeMessages(hostname: string): Promise<void> {
  const socket = new WebSocket(`wss://127.0.0.1:${deployment.port}/`, {
    agent: new https.Agent({ ca: deployment.ca, servername: hostname }),
    headers: { host: hostname, 'x-ambassador-api-key': API_KEY },
  });
  await once(socket, 'open');
  const startedAt = performance.now();
  let sent = 0;
  let received = 0;
  const timer = setInterval(() => {
    const due = ((performance.now() - startedAt) * MESSAGES_PER_SECOND) / 1000;
    for (; sent < Math.min(due, MESSAGES); sent++) socket.send(`message ${sent}`);
  }, 1);
  await new Promise<void>((resolve, reject) => {
    socket.on('message', () => {
      if (++received === MESSAGES) resolve();
    });
    socket.on('close', () => reject(new Error(`the socket closed after ${received} messages`)));
  }).finally(() => clearInterval(timer));
  socket.terminate();
}

describe.each(VERSIONS)('the reverse connection of a manager (%s)', (version) => {
  /** Prints what the double saw, and expects that it kept its one connection. */
  function expectOneConnection(what: string, startedAt: number): void {
    const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
    if (isFull) process.stdout.write(`${version}: ${what} in ${seconds} s, ${double.pings} PINGs outside\n`);
    expect(double.connections).toHaveLength(1);
    expect(double.pings).toBeGreaterThan(0);
  }

  it(
    `lasts while a WebSocket carries ${MESSAGES_PER_SECOND} messages a second`,
    async () => {
      const hostname = await share(version);
      const startedAt = performance.now();
      await exchangeMessages(hostname);
      expectOneConnection(`${MESSAGES} messages`, startedAt);
    },
    TIMEOUT_MS,
  );

  it(
    'lasts while a visitor sends requests one after the other',
    async () => {
      const hostname = await share(version);
      const startedAt = performance.now();
      for (let i = 0; i < REQUESTS; i++) expect(await send(hostname, 'GET')).toBe('200 0');
      expectOneConnection(`${REQUESTS} requests`, startedAt);
    },
    TIMEOUT_MS,
  );

  it(
    'lasts while a visitor uploads',
    async () => {
      const hostname = await share(version);
      const startedAt = performance.now();
      expect(await send(hostname, 'PUT', UPLOAD_BYTES)).toBe(`200 ${UPLOAD_BYTES}`);
      expectOneConnection(`${UPLOAD_BYTES} bytes`, startedAt);
    },
    TIMEOUT_MS,
  );
});
