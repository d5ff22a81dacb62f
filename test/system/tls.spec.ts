import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { createTestCertificate } from '@culvert/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../support/database.js';
import { API_KEY, type Preview } from '../support/deployment.js';
import { type Program, startProgram } from '../support/process.js';

/** TLS on every leg: visitor to edge, traffic manager to edge, traffic manager to ingress. */
const edgeCertificate = createTestCertificate(['localhost', '*.preview.localhost']);
const ingressCertificate = createTestCertificate(['shop.internal']);
let directory: string;
let ingress: https.Server;
let standalone: Program;
let manager: Program;
let port: number;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  const file = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content, { mode: 0o600 });
    return join(directory, name);
  };
  ingress = https.createServer(ingressCertificate, (incoming, response) => {
    response.end(
      `${(incoming.socket as TLSSocket & { servername?: string }).servername} ${incoming.headers.host}`,
    );
  });
  ingress.listen(0, '127.0.0.1');
  await once(ingress, 'listening');
  const ca = file('edge.crt', edgeCertificate.cert);
  standalone = startProgram('apps/standalone/src/main.js', {
    PORT: '0',
    DATABASE_URL: (await createDatabase()).url,
    CULVERT_BOOTSTRAP_API_KEY: API_KEY,
    TLS_CERT_FILE: ca,
    TLS_KEY_FILE: file('edge.key', edgeCertificate.key),
  });
  port = Number((await standalone.line(/^Dashboard +https:\/\/localhost:(\d+)/m))[1]);
  manager = startProgram('apps/traffic-manager/src/main.js', {
    CULVERT_URL: `https://localhost:${port}`,
    CULVERT_API_KEY: API_KEY,
    CULVERT_MANAGER_ID: 'tls',
    CULVERT_CA_FILE: ca,
    CULVERT_INGRESS_CA_FILE: file('ingress.crt', ingressCertificate.cert),
  });
  await manager.logged(/connected/i);
});

afterAll(async () => {
  await manager?.stop();
  await standalone?.stop();
  ingress?.closeAllConnections();
  ingress?.close();
  rmSync(directory, { recursive: true, force: true });
});

function request(
  hostname: string,
  path: string,
  options: {
    readonly method?: string;
    readonly headers?: Record<string, string>;
    readonly body?: string;
  } = {},
): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const sent = https.request(
      {
        host: '127.0.0.1',
        port,
        path,
        method: options.method ?? 'GET',
        servername: hostname,
        ca: edgeCertificate.cert,
        headers: { host: `${hostname}:${port}`, ...options.headers },
      },
      (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode!, body }));
      },
    );
    sent.on('error', reject);
    sent.end(options.body);
  });
}

async function createPreview(ingressOverrides: Record<string, unknown>): Promise<Preview> {
  const { status, body } = await request('localhost', '/api/v1/previews', {
    method: 'POST',
    headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      intercept: { name: 'shop', workload: 'shop', namespace: 'default' },
      ingress: {
        host: '127.0.0.1',
        port: (ingress.address() as AddressInfo).port,
        useTls: true,
        l5Host: 'shop.internal',
        ...ingressOverrides,
      },
      access: 'public',
    }),
  });
  if (status !== 201) throw new Error(body);
  return JSON.parse(body) as Preview;
}

describe('an edge with TLS', () => {
  it('reaches a TLS ingress under its layer-5 host', async () => {
    const preview = await createPreview({});
    expect(preview.url).toBe(`https://${preview.hostname}:${port}`);
    expect(await request(preview.hostname, '/')).toEqual({
      status: 200,
      body: 'shop.internal shop.internal',
    });
  });

  it('does not accept an ingress certificate for another name, unless the preview allows it', async () => {
    const strict = await createPreview({ l5Host: 'other.internal' });
    const refused = await request(strict.hostname, '/');
    expect(refused.status).toBe(502);
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'ingress_tls' });
    const lax = await createPreview({ l5Host: 'other.internal', verifyTls: false });
    expect(await request(lax.hostname, '/')).toEqual({ status: 200, body: 'other.internal other.internal' });
  });

  it('does not answer plain HTTP on the TLS port, and keeps running', async () => {
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
    expect((await request('localhost', '/healthz')).status).toBe(200);
  });
});
