import { createHash } from 'node:crypto';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Deployment, type Preview, startDeployment } from '../support/deployment.js';
import type { Program } from '../support/process.js';

const GIB = 1024 ** 3;
const MAX_GROWTH_MIB = 64;
const BLOCK = Buffer.alloc(1024 * 1024, 'culvert ');

let deployment: Deployment;
let manager: Program;
let preview: Preview;
let service: http.Server;

beforeAll(async () => {
  service = http.createServer((request, response) => {
    if (request.method === 'POST') {
      const hash = createHash('sha256');
      let bytes = 0;
      request.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        hash.update(chunk);
      });
      request.on('end', () => response.end(JSON.stringify({ bytes, digest: hash.digest('hex') })));
      return;
    }
    const total = Number(new URL(request.url!, 'http://x').searchParams.get('bytes'));
    response.writeHead(200, { 'content-length': total });
    let sent = 0;
    const write = (): void => {
      while (sent < total) {
        sent += BLOCK.length;
        if (!response.write(BLOCK)) {
          response.once('drain', write);
          return;
        }
      }
      response.end();
    };
    write();
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  deployment = await startDeployment();
  manager = await deployment.startManager();
  preview = await deployment.createPreview((service.address() as AddressInfo).port);
  // The first megabytes warm up code and buffers, which does not depend on the size of a body.
  await download(64 * BLOCK.length);
  await upload(64 * BLOCK.length);
});

afterAll(async () => {
  await deployment?.stop();
  service?.closeAllConnections();
  service?.close();
});

async function download(bytes: number): Promise<number> {
  const request = http.get({
    port: deployment.port,
    host: '127.0.0.1',
    path: `/?bytes=${bytes}`,
    headers: { host: preview.hostname },
  });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  let received = 0;
  response.on('data', (chunk: Buffer) => (received += chunk.length));
  await once(response, 'end');
  return received;
}

async function upload(bytes: number): Promise<{ bytes: number; digest: string }> {
  const request = http.request({
    port: deployment.port,
    host: '127.0.0.1',
    method: 'POST',
    headers: { host: preview.hostname, 'content-length': bytes },
  });
  for (let sent = 0; sent < bytes; sent += BLOCK.length) {
    if (!request.write(BLOCK)) await once(request, 'drain');
  }
  request.end();
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return JSON.parse(Buffer.concat(chunks).toString());
}

/** Runs `work` and returns how far each process's memory rose above its start. */
async function growthDuring(work: () => Promise<void>): Promise<{ edge: number; manager: number }> {
  const before = { edge: deployment.program.residentMiB(), manager: manager.residentMiB() };
  const peak = { ...before };
  const timer = setInterval(() => {
    peak.edge = Math.max(peak.edge, deployment.program.residentMiB());
    peak.manager = Math.max(peak.manager, manager.residentMiB());
  }, 50);
  await work();
  clearInterval(timer);
  return { edge: peak.edge - before.edge, manager: peak.manager - before.manager };
}

describe('a tunnel', () => {
  it('carries 1 GiB down in bounded memory', async () => {
    const growth = await growthDuring(async () => expect(await download(GIB)).toBe(GIB));
    console.log('download: memory grew by', growth);
    expect(growth.edge).toBeLessThan(MAX_GROWTH_MIB);
    expect(growth.manager).toBeLessThan(MAX_GROWTH_MIB);
  });

  it('carries 1 GiB up in bounded memory, unchanged', async () => {
    const hash = createHash('sha256');
    for (let i = 0; i < GIB / BLOCK.length; i++) hash.update(BLOCK);
    const growth = await growthDuring(async () => {
      expect(await upload(GIB)).toEqual({ bytes: GIB, digest: hash.digest('hex') });
    });
    console.log('upload: memory grew by', growth);
    expect(growth.edge).toBeLessThan(MAX_GROWTH_MIB);
    expect(growth.manager).toBeLessThan(MAX_GROWTH_MIB);
  });
});
