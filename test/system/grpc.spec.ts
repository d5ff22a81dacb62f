import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import type { ExchangeMessage } from '@culvert/contract';
import { createTestCertificate, EventReader } from '@culvert/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../support/database.js';
import { API_KEY, type Preview } from '../support/deployment.js';
import { type Program, startProgram } from '../support/process.js';

/**
 * gRPC through the whole chain: client, TLS and HTTP/2 with the edge, tunnel, traffic manager, and a server that speaks
 * HTTP/2 with or without TLS.
 */
const edgeCertificate = createTestCertificate(['localhost', '*.preview.localhost']);
const ingressCertificate = createTestCertificate(['grpc.internal']);
let directory: string;
let standalone: Program;
let manager: Program;
let port: number;
const clients: grpc.Client[] = [];

// --- A service without a schema: messages are bytes -------------------------------------------------------------

const bytes = (value: Buffer): Buffer => value;
const method = (name: string, requestStream: boolean, responseStream: boolean) => ({
  path: `/culvert.test.Probe/${name}`,
  requestStream,
  responseStream,
  requestSerialize: bytes,
  requestDeserialize: bytes,
  responseSerialize: bytes,
  responseDeserialize: bytes,
});
const SERVICE = {
  echo: method('Echo', false, false),
  fail: method('Fail', false, false),
  never: method('Never', false, false),
  join: method('Join', true, false),
  feed: method('Feed', false, true),
  converse: method('Converse', true, true),
};

type Unary = grpc.ServerUnaryCall<Buffer, Buffer>;
type Feed = grpc.ServerWritableStream<Buffer, Buffer>;

/** A gRPC server that a test controls. */
class Probe {
  readonly server = new grpc.Server({
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
  });
  port = 0;
  feed: Feed | null = null;
  lastDeadline: grpc.Deadline = Infinity;
  lastMetadata = new grpc.Metadata();
  readonly cancelled: string[] = [];
  calls = 0;
  most = 0;
  private held: (() => void)[] = [];

  constructor() {
    this.server.addService(SERVICE, {
      echo: (incoming: Unary, callback: grpc.sendUnaryData<Buffer>) => this.echo(incoming, callback),
      fail: (incoming: Unary, callback: grpc.sendUnaryData<Buffer>) => {
        const metadata = new grpc.Metadata();
        metadata.set('grpc-status-details-bin', Buffer.from([0, 1, 254, 255]));
        metadata.set('x-reason', 'because');
        callback({
          code: grpc.status[incoming.request.toString() as keyof typeof grpc.status],
          details: 'größer: 100%\n',
          metadata,
        });
      },
      never: (incoming: Unary) => {
        this.lastDeadline = incoming.getDeadline();
        incoming.on('cancelled', () => this.cancelled.push('never'));
      },
      join: (incoming: grpc.ServerReadableStream<Buffer, Buffer>, callback: grpc.sendUnaryData<Buffer>) => {
        const parts: string[] = [];
        incoming.on('data', (part: Buffer) => parts.push(part.toString()));
        incoming.on('end', () => callback(null, Buffer.from(parts.join('+'))));
        incoming.on('cancelled', () => this.cancelled.push('join'));
      },
      feed: (incoming: Feed) => {
        this.feed = incoming;
        incoming.on('cancelled', () => this.cancelled.push('feed'));
      },
      converse: (incoming: grpc.ServerDuplexStream<Buffer, Buffer>) => {
        const first = new grpc.Metadata();
        first.set('x-first', 'yes');
        incoming.sendMetadata(first);
        incoming.on('data', (part: Buffer) => incoming.write(Buffer.from(`<${part.toString()}>`)));
        incoming.on('end', () => incoming.end());
      },
    });
  }

  async listen(credentials: grpc.ServerCredentials, on = 0): Promise<void> {
    this.port = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync(`127.0.0.1:${on}`, credentials, (error, bound) =>
        error ? reject(error) : resolve(bound),
      );
    });
  }

  private echo(incoming: Unary, callback: grpc.sendUnaryData<Buffer>): void {
    this.lastMetadata = incoming.metadata;
    const initial = new grpc.Metadata();
    initial.set('x-initial', 'i');
    initial.set('x-initial-bin', Buffer.from([7, 0, 255]));
    incoming.sendMetadata(initial);
    const trailing = new grpc.Metadata();
    trailing.set('x-trailing', 't');
    const answer = (): void => callback(null, incoming.request, trailing);
    const together = Number(incoming.metadata.get('x-together')[0] ?? 1);
    this.held.push(answer);
    this.most = Math.max(this.most, this.held.length);
    if (this.held.length < together) return;
    for (const release of this.held.splice(0)) release();
  }
}

class ProbeClient extends grpc.makeGenericClientConstructor(SERVICE, 'Probe') {}

interface UnaryResult {
  readonly error: grpc.ServiceError | null;
  readonly value: string;
  readonly initial: grpc.Metadata;
  readonly status: grpc.StatusObject;
}

function call(
  client: grpc.Client,
  name: keyof typeof SERVICE,
  message: string | Buffer,
  metadata: Record<string, string | Buffer> = {},
  options: grpc.CallOptions = {},
): Promise<UnaryResult> {
  const { path } = SERVICE[name];
  const sent = new grpc.Metadata();
  for (const [key, value] of Object.entries(metadata)) sent.set(key, value);
  let initial = new grpc.Metadata();
  return new Promise((resolve) => {
    let result: { error: grpc.ServiceError | null; value: string };
    const made = client.makeUnaryRequest(
      path,
      bytes,
      bytes,
      Buffer.from(message),
      sent,
      options,
      (error, value) => (result = { error, value: value?.toString() ?? '' }),
    );
    made.on('metadata', (received) => (initial = received));
    made.on('status', (status) => setImmediate(() => resolve({ ...result, initial, status })));
  });
}

/** How a streaming call ended. */
function statusOf(stream: {
  on(event: 'status', listener: (status: grpc.StatusObject) => void): unknown;
  on(event: 'error', listener: () => void): unknown;
}): Promise<grpc.StatusObject> {
  return new Promise((resolve) => {
    stream.on('error', () => {});
    stream.on('status', resolve);
  });
}

// --- Deployment -------------------------------------------------------------------------------------------------

const probes = { h2c: new Probe(), h2: new Probe() };
const hostnames = { h2c: '', h2: '' };
const previewIds = { h2c: '', h2: '' };

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  const file = (name: string, content: string): string => {
    writeFileSync(join(directory, name), content, { mode: 0o600 });
    return join(directory, name);
  };
  await probes.h2c.listen(grpc.ServerCredentials.createInsecure());
  await probes.h2.listen(
    grpc.ServerCredentials.createSsl(null, [
      { private_key: Buffer.from(ingressCertificate.key), cert_chain: Buffer.from(ingressCertificate.cert) },
    ]),
  );
  const certificate = file('edge.crt', edgeCertificate.cert);
  standalone = startProgram('apps/standalone/src/main.js', {
    PORT: '0',
    DATABASE_URL: (await createDatabase()).url,
    CULVERT_BOOTSTRAP_API_KEY: API_KEY,
    TLS_CERT_FILE: certificate,
    TLS_KEY_FILE: file('edge.key', edgeCertificate.key),
  });
  port = Number((await standalone.line(/^Dashboard +https:\/\/localhost:(\d+)/m))[1]);
  file('ingress.crt', ingressCertificate.cert);
  manager = startManager();
  await manager.logged(/connected/i);
  for (const protocol of ['h2c', 'h2'] as const) {
    const preview = await createPreview(probes[protocol].port, { protocol, useTls: protocol === 'h2' });
    hostnames[protocol] = preview.hostname;
    previewIds[protocol] = preview.id;
  }
});

afterAll(async () => {
  for (const client of clients) client.close();
  await manager?.stop();
  await standalone?.stop();
  for (const probe of Object.values(probes)) probe.server.forceShutdown();
  rmSync(directory, { recursive: true, force: true });
});

function startManager(): Program {
  return startProgram('apps/traffic-manager/src/main.js', {
    CULVERT_URL: `https://localhost:${port}`,
    CULVERT_API_KEY: API_KEY,
    CULVERT_MANAGER_ID: 'grpc',
    CULVERT_CA_FILE: join(directory, 'edge.crt'),
    CULVERT_INGRESS_CA_FILE: join(directory, 'ingress.crt'),
  });
}

/** Creates a client of a preview, with a connection of its own. */
function clientOf(hostname: string): grpc.Client {
  const client = new ProbeClient(
    `127.0.0.1:${port}`,
    grpc.credentials.createSsl(Buffer.from(edgeCertificate.cert)),
    {
      'grpc.ssl_target_name_override': hostname,
      'grpc.default_authority': `${hostname}:${port}`,
      'grpc.use_local_subchannel_pool': 1,
      'grpc.max_receive_message_length': -1,
      'grpc.max_send_message_length': -1,
    },
  ) as grpc.Client;
  clients.push(client);
  return client;
}

interface Answer {
  readonly response: IncomingMessage;
  readonly body: Buffer;
}

/** Sends a request over HTTP/1.1. */
async function visit(
  hostname: string,
  path: string,
  options: { readonly method?: string; readonly headers?: OutgoingHttpHeaders } = {},
  body?: string | Buffer,
): Promise<Answer> {
  const request = https.request({
    host: '127.0.0.1',
    port,
    path,
    servername: hostname,
    ca: edgeCertificate.cert,
    agent: false,
    ...options,
    headers: { host: `${hostname}:${port}`, ...options.headers },
  });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { response, body: Buffer.concat(chunks) };
}

async function createPreview(ingressPort: number, ingress: Record<string, unknown>): Promise<Preview> {
  const { response, body } = await visit(
    'localhost',
    '/api/v1/previews',
    {
      method: 'POST',
      headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
    },
    JSON.stringify({
      intercept: { name: 'probe', workload: 'probe', namespace: 'default' },
      ingress: { host: '127.0.0.1', port: ingressPort, l5Host: 'grpc.internal', ...ingress },
      access: 'public',
    }),
  );
  expect(response.statusCode, body.toString()).toBe(201);
  return JSON.parse(body.toString()) as Preview;
}

// --- Tests ------------------------------------------------------------------------------------------------------

describe.each(['h2c', 'h2'] as const)('gRPC to an ingress of %s', (protocol) => {
  const probe = probes[protocol];
  let client: grpc.Client;
  beforeAll(() => {
    client = clientOf(hostnames[protocol]);
  });

  it('carries a call with metadata both ways', async () => {
    const result = await call(client, 'echo', 'hello', {
      'x-key': 'value',
      'x-key-bin': Buffer.from([0, 255]),
    });
    expect([result.error, result.value]).toEqual([null, 'hello']);
    expect(result.initial.get('x-initial')).toEqual(['i']);
    expect(result.initial.get('x-initial-bin')).toEqual([Buffer.from([7, 0, 255])]);
    expect(result.status.metadata.get('x-trailing')).toEqual(['t']);
    expect(probe.lastMetadata.get('x-key')).toEqual(['value']);
    expect(probe.lastMetadata.get('x-key-bin')).toEqual([Buffer.from([0, 255])]);
    expect(probe.lastMetadata.get('x-telepresence-intercept-id')[0]).toMatch(/:probe$/);
    expect(probe.lastMetadata.get('x-forwarded-proto')).toEqual(['https']);
  });

  it.each(
    Object.entries(grpc.status).filter(([, code]) => typeof code === 'number' && code !== grpc.status.OK),
  )('returns the status %s with its message and details', async (name, code) => {
    const { error } = await call(client, 'fail', name);
    expect(error).toMatchObject({ code, details: 'größer: 100%\n' });
    expect(error!.metadata.get('grpc-status-details-bin')).toEqual([Buffer.from([0, 1, 254, 255])]);
    expect(error!.metadata.get('x-reason')).toEqual(['because']);
  });

  it('shows its messages and statuses to a person who watches', async () => {
    const reader = await EventReader.open(
      `https://localhost:${port}/api/v1/previews/${previewIds[protocol]}/exchanges?captureBodies=true`,
      { authorization: `Bearer ${API_KEY}` },
      edgeCertificate.cert,
    );
    await reader.next('ready');
    const messages = async (count: number) => {
      const shown: unknown[] = [];
      for (let i = 0; i < count; i++) {
        const { direction, kind, code, text } = (await reader.next('message')).data as ExchangeMessage;
        shown.push([direction, kind, code, kind === 'grpc' ? text : null]);
      }
      return shown;
    };
    // { 1: "Ann" }
    await call(client, 'echo', Buffer.from([0x0a, 3, 0x41, 0x6e, 0x6e]));
    expect(await messages(3)).toEqual([
      ['request', 'grpc', null, '1: "Ann"'],
      ['response', 'grpc', null, '1: "Ann"'],
      ['response', 'trailers', 0, null],
    ]);
    // Without a message of the service: the status is in its only head.
    await call(client, 'fail', 'NOT_FOUND');
    expect(await messages(2)).toMatchObject([
      ['request', 'grpc', null, null],
      ['response', 'trailers', grpc.status.NOT_FOUND, null],
    ]);
    reader.close();
  });

  it('reports that a method does not exist', async () => {
    const made = new Promise<grpc.ServiceError | null>((resolve) => {
      client.makeUnaryRequest('/culvert.test.Probe/Nothing', bytes, bytes, Buffer.alloc(0), (error) =>
        resolve(error),
      );
    });
    expect((await made)?.code).toBe(grpc.status.UNIMPLEMENTED);
  });

  it('carries a stream to the server', async () => {
    let upload!: grpc.ClientWritableStream<Buffer>;
    const answer = new Promise<string>((resolve, reject) => {
      upload = client.makeClientStreamRequest(SERVICE.join.path, bytes, bytes, (error, value) =>
        error ? reject(error) : resolve(String(value)),
      );
    });
    for (const part of ['a', 'b', 'c']) upload.write(Buffer.from(part));
    upload.end();
    expect(await answer).toBe('a+b+c');
  });

  it('carries a stream from the server, message by message', async () => {
    const stream = client.makeServerStreamRequest(SERVICE.feed.path, bytes, bytes, Buffer.alloc(0));
    await expect.poll(() => probe.feed).not.toBeNull();
    for (const part of ['one', 'two', 'three']) {
      const received = once(stream, 'data');
      probe.feed!.write(Buffer.from(part));
      expect(String((await received)[0])).toBe(part);
    }
    const status = statusOf(stream);
    stream.resume();
    probe.feed!.end();
    expect((await status).code).toBe(grpc.status.OK);
    probe.feed = null;
  });

  it('carries messages both ways in turns', async () => {
    const stream = client.makeBidiStreamRequest(SERVICE.converse.path, bytes, bytes);
    const [first] = (await once(stream, 'metadata')) as [grpc.Metadata];
    expect(first.get('x-first')).toEqual(['yes']);
    for (let i = 0; i < 20; i++) {
      const received = once(stream, 'data');
      stream.write(Buffer.from(String(i)));
      expect(String((await received)[0])).toBe(`<${i}>`);
    }
    const status = statusOf(stream);
    stream.end();
    expect((await status).code).toBe(grpc.status.OK);
  });

  it('sends its deadline to the server, and notifies it when the deadline passes', async () => {
    probe.cancelled.length = 0;
    const deadline = Date.now() + 700;
    const { error } = await call(client, 'never', '', {}, { deadline });
    expect(error?.code).toBe(grpc.status.DEADLINE_EXCEEDED);
    expect(Math.abs(Number(probe.lastDeadline) - deadline)).toBeLessThan(400);
    await expect.poll(() => probe.cancelled).toEqual(['never']);
  });

  it('notifies the server of a cancellation', async () => {
    probe.cancelled.length = 0;
    const stream = client.makeServerStreamRequest(SERVICE.feed.path, bytes, bytes, Buffer.alloc(0));
    const status = statusOf(stream);
    await expect.poll(() => probe.feed).not.toBeNull();
    probe.feed!.write(Buffer.from('x'));
    await once(stream, 'data');
    stream.cancel();
    expect((await status).code).toBe(grpc.status.CANCELLED);
    await expect.poll(() => probe.cancelled).toEqual(['feed']);
    probe.feed = null;
  });

  it('does not treat a canceled upload as complete', async () => {
    probe.cancelled.length = 0;
    const failed = new Promise<grpc.ServiceError | null>((resolve) => {
      const upload = client.makeClientStreamRequest(SERVICE.join.path, bytes, bytes, (error) =>
        resolve(error),
      );
      upload.write(Buffer.from('half'), () => setTimeout(() => upload.cancel(), 100));
    });
    expect((await failed)?.code).toBe(grpc.status.CANCELLED);
    await expect.poll(() => probe.cancelled).toEqual(['join']);
  });

  it('carries large messages both ways', async () => {
    const message = Buffer.alloc(24 * 1_048_576, 'x');
    const { error, value } = await call(client, 'echo', message);
    expect(error).toBeNull();
    expect(value.length).toBe(message.length);
  });

  it('carries many calls on one connection at once', async () => {
    probe.most = 0;
    // The edge accepts 128 concurrent requests per connection; the client holds back the rest.
    const together = { 'x-together': '120' };
    const results = await Promise.all(
      Array.from({ length: 360 }, (_, i) => call(client, 'echo', `${i}`, together)),
    );
    expect(results.map(({ value }) => value)).toEqual(Array.from({ length: 360 }, (_, i) => `${i}`));
    expect(probe.most).toBe(120);
  });

  it('passes messages and trailers to a visitor over HTTP/1.1', async () => {
    const frame = Buffer.concat([Buffer.of(0, 0, 0, 0, 2), Buffer.from('hi')]);
    const { response, body } = await visit(
      hostnames[protocol],
      SERVICE.echo.path,
      { method: 'POST', headers: { 'content-type': 'application/grpc', te: 'trailers', connection: 'te' } },
      frame,
    );
    expect(response.statusCode).toBe(200);
    expect(body).toEqual(frame);
    expect(response.trailers).toMatchObject({ 'grpc-status': '0', 'x-trailing': 't' });
  });
});

describe('gRPC', () => {
  it('reaches a server that was restarted', async () => {
    const probe = new Probe();
    await probe.listen(grpc.ServerCredentials.createInsecure());
    const { hostname } = await createPreview(probe.port, { protocol: 'h2c' });
    const client = clientOf(hostname);
    expect((await call(client, 'echo', 'before')).value).toBe('before');
    await new Promise<void>((resolve) => probe.server.tryShutdown(() => resolve()));
    expect((await call(client, 'echo', 'between')).error?.code).toBe(grpc.status.UNAVAILABLE);
    const restarted = new Probe();
    await restarted.listen(grpc.ServerCredentials.createInsecure(), probe.port);
    expect((await call(client, 'echo', 'after')).value).toBe('after');
    restarted.server.forceShutdown();
  });

  it('reports that the ingress does not speak HTTP/2', async () => {
    const plain = https.createServer(ingressCertificate, (_request, response) => response.end('plain'));
    plain.listen(0, '127.0.0.1');
    await once(plain, 'listening');
    const { port: plainPort } = plain.address() as { port: number };
    const { hostname } = await createPreview(plainPort, { protocol: 'h2', useTls: true });
    const { response, body } = await visit(hostname, '/');
    expect(response.statusCode).toBe(502);
    expect(JSON.parse(body.toString())).toMatchObject({
      code: 'ingress_tls',
      detail: expect.stringContaining('does not speak h2 over TLS (ALPN)') as string,
    });
    expect((await call(clientOf(hostname), 'echo', '')).error?.code).toBe(grpc.status.UNAVAILABLE);
    const corrected = await createPreview(plainPort, { useTls: true });
    expect((await visit(corrected.hostname, '/')).body.toString()).toBe('plain');
    plain.close();
  });

  it('does not stop a traffic manager from leaving', async () => {
    await call(clientOf(hostnames.h2c), 'echo', 'x');
    // Open streams hold a leaving manager for 30 s; `stop` waits for ten.
    expect(await manager.stop()).toBe(0);
    manager = startManager();
    await manager.logged(/connected/i);
  });

  it('fails the calls of a lost tunnel, and continues on the next one', async () => {
    const client = clientOf(hostnames.h2c);
    const stream = client.makeServerStreamRequest(SERVICE.feed.path, bytes, bytes, Buffer.alloc(0));
    const status = statusOf(stream);
    await expect.poll(() => probes.h2c.feed).not.toBeNull();
    probes.h2c.feed!.write(Buffer.from('x'));
    await once(stream, 'data');
    manager.kill('SIGKILL');
    expect([grpc.status.INTERNAL, grpc.status.UNAVAILABLE]).toContain((await status).code);
    manager = startManager();
    expect((await call(client, 'echo', 'again')).value).toBe('again');
  });
});
