/** The double against the library, with Node's HTTP/2 over TLS between: the role of an edge, without the rest of one. */
import { once } from 'node:events';
import { constants, createSecureServer, type Http2SecureServer, type ServerHttp2Stream } from 'node:http2';
import { createServer } from 'node:net';
import {
  acceptReverseConnection,
  Codecs,
  GrpcStatus,
  type ReverseCarrier,
  type ReverseTunnelConnection,
  type ReverseTunnelEnd,
} from '@culvert/telepresence';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { createTestCertificate } from '../certificate.js';
import { Deferred } from '../deferred.js';
import { type ManagerDoubleOptions, TrafficManagerDouble } from './traffic-manager-double.js';

const certificate = createTestCertificate(['localhost', '127.0.0.1']);

/** A minimal cloud. */
class Cloud {
  readonly server: Http2SecureServer = createSecureServer(certificate);
  readonly tunnels: ReverseTunnelConnection[] = [];
  readonly ends: ReverseTunnelEnd[] = [];
  readonly calls: { readonly path: string; readonly headers: Readonly<Record<string, unknown>> }[] = [];
  /** RemoveDomain waits for it. */
  beforeRemoval: Promise<void> = Promise.resolve();
  opened = new Deferred<ReverseTunnelConnection>();

  async listen(): Promise<number> {
    this.server.on('sessionError', () => undefined);
    this.server.on('stream', (stream, headers) => {
      stream.on('error', () => undefined);
      const path = String(headers[':path']);
      this.calls.push({ path, headers });
      if (path.endsWith('/ReverseConnection')) this.reverse(stream);
      else void this.answer(stream, path);
    });
    this.server.listen(0, '127.0.0.1');
    await once(this.server, 'listening');
    return (this.server.address() as { port: number }).port;
  }

  private reverse(stream: ServerHttp2Stream): void {
    const tunnel = acceptReverseConnection(carrierOf(stream), {
      onOpen: () => this.opened.resolve(tunnel),
      onMeasured: () => undefined,
      onClose: (end) => this.ends.push(end),
    });
    this.tunnels.push(tunnel);
  }

  private async answer(stream: ServerHttp2Stream, path: string): Promise<void> {
    stream.resume();
    if (path.endsWith('/RemoveDomain')) await this.beforeRemoval;
    const message = path.endsWith('/CreateDomain')
      ? Codecs.CreateDomainResponse.encode({ domain: 'quiet-heron.preview.test' })
      : Buffer.alloc(0);
    const prefix = Buffer.alloc(5);
    prefix.writeUInt32BE(message.length, 1);
    respond(stream, { status: GrpcStatus.OK, message: '' });
    stream.end(Buffer.concat([prefix, message]));
  }
}

function respond(stream: ServerHttp2Stream, end: { status: number; message: string }): void {
  stream.once('wantTrailers', () =>
    stream.sendTrailers({ 'grpc-status': String(end.status), 'grpc-message': end.message }),
  );
  stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
}

function carrierOf(stream: ServerHttp2Stream): ReverseCarrier {
  const end = { status: 0, message: '' };
  return {
    start(handler) {
      respond(stream, end);
      let isOver = false;
      stream.on('data', (bytes: Buffer) => handler.onData(bytes));
      stream.on('drain', () => handler.onDrain());
      stream.on('end', () => handler.onEnd());
      stream.on('close', () => {
        if (!isOver && stream.rstCode !== constants.NGHTTP2_NO_ERROR) handler.onClose('cancelled');
        isOver = true;
      });
    },
    write: (bytes) => (stream.writable ? stream.write(bytes) : false),
    pause: () => void stream.pause(),
    resume: () => void stream.resume(),
    end(status, message) {
      end.status = status;
      end.message = message;
      stream.end();
    },
  };
}

let cloud: Cloud;
let port: number;
const cleanUps: (() => void)[] = [];

beforeEach(async () => {
  cloud = new Cloud();
  port = await cloud.listen();
});
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
  cloud.server.close();
});

function manager(options: Partial<ManagerDoubleOptions> = {}): TrafficManagerDouble {
  const double = new TrafficManagerDouble({
    host: 'localhost',
    address: '127.0.0.1',
    port,
    ca: certificate.cert,
    apiKey: 'the-key',
    ...options,
  });
  cleanUps.push(() => double.stop());
  return double;
}

it.each(['v2.1.3', 'v2.3.7', 'v2.8.5', 'v2.14.0'])(
  'the traffic manager double serves a preview as %s does',
  async (version) => {
    const ingress = createServer((socket) => socket.pipe(socket)).listen(0, '127.0.0.1');
    await once(ingress, 'listening');
    const address = ingress.address() as { port: number };
    const double = manager({ version });
    const { id } = double.addIntercept({ name: 'web' });
    const domain = await double.createPreview(id, { ingress: { host: '127.0.0.1', port: address.port } });
    expect(domain).toBe('quiet-heron.preview.test');
    const tunnel = await cloud.opened.promise;
    const received = new Deferred<string>();
    const stream = tunnel.openStream(
      { interceptId: id, host: '', port: 1, tls: false, serverName: '', verifyTls: false },
      {
        onOpen: () => undefined,
        onData: (bytes) => received.resolve(bytes.toString()),
        onEnd: () => undefined,
        onReset: (_code, detail) => received.reject(new Error(detail)),
        onDrain: () => undefined,
      },
    );
    stream?.write(Buffer.from('hello'));
    expect(await received.promise).toBe('hello');
    stream?.reset(1);
    expect(double.mistakes).toEqual([]);
    const { headers } = cloud.calls[0];
    expect(headers['x-telepresence-managerid']).toBe(double.managerId);
    expect(headers[':authority']).toBe('localhost');
    if (version === 'v2.1.3') expect(headers['authorization']).toBe('Bearer the-key');
    else expect(headers['x-ambassador-api-key']).toBe('the-key');
    ingress.close();
  },
);

it('the traffic manager double dials again after the cloud ended the call, and waits for that end after a half-close', async () => {
  const double = manager();
  double.connect();
  const first = await double.connected();
  await cloud.opened.promise;
  cloud.opened = new Deferred();
  const again = double.reconnected();
  first.halfClose();
  expect(await first.ended.promise).toMatchObject({ code: GrpcStatus.OK });
  await again;
  await cloud.opened.promise;
  expect(cloud.ends).toEqual([expect.objectContaining({ by: 'manager' })]);
});

it('the traffic manager double dies when asked to connect an intercept that never had a preview', async () => {
  const double = manager();
  const { id } = double.addIntercept({ name: 'web' });
  double.connect();
  const tunnel = await cloud.opened.promise;
  const lost = new Deferred();
  tunnel.openStream(
    { interceptId: id, host: '', port: 1, tls: false, serverName: '', verifyTls: false },
    {
      onOpen: () => undefined,
      onData: () => undefined,
      onEnd: () => undefined,
      onReset: () => lost.resolve(),
      onDrain: () => undefined,
    },
  );
  await lost.promise;
  expect(double.mistakes).toHaveLength(1);
});

it('the traffic manager double answers no calls while a removal is unanswered', async () => {
  const double = manager();
  const { id } = double.addIntercept({ name: 'web' });
  await double.createPreview(id, { ingress: { host: '127.0.0.1', port: 1 } });
  const tunnel = await cloud.opened.promise;
  const answered = new Deferred();
  cloud.beforeRemoval = answered.promise;
  const removal = double.removeIntercept(id);
  let isSeen = false;
  const seen = new Deferred();
  tunnel.manager.watchIntercepts({
    onSnapshot: () => {
      isSeen = true;
      seen.resolve();
    },
    onEnd: () => undefined,
  });
  while (!cloud.calls.some(({ path }) => path.endsWith('/RemoveDomain'))) await new Promise(setImmediate);
  expect(isSeen).toBe(false);
  answered.resolve();
  await removal;
  await seen.promise;
});

it('the traffic manager double opens two connections, or many in a storm, when asked to', async () => {
  const twin = manager({ faults: { connections: 2 } });
  twin.connect();
  await Promise.all(twin.connections.map(({ established }) => established.promise));
  expect(cloud.tunnels).toHaveLength(2);
  twin.stop();
  const storm = manager({ faults: { redialStorm: true } });
  storm.connect();
  while (storm.connections.length < 10) {
    for (const tunnel of cloud.tunnels) tunnel.close(GrpcStatus.UNAVAILABLE, 'no');
    await new Promise(setImmediate);
  }
});
