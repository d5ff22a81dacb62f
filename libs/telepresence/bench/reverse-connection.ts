/**
 * The tunnel's hop by itself: the native tunnel and the reverse connection, each over TLS to a process of its own that dials
 * an echo service. Run after a build:
 *   node dist/libs/telepresence/bench/reverse-connection.js
 * The far end of the reverse connection is the testkit's double (Node's http2, inside over a JavaScript stream), which
 * costs more than the end under test: read the CPU time of the edge's process as well.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createSecureServer, type ServerHttp2Stream } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createTestCertificate, Deferred, TrafficManagerDouble } from '@culvert/testkit';
import {
  acceptTunnel,
  type Stream,
  type StreamHandler,
  type Tunnel,
  WEBSOCKET_OPTIONS,
  WebSocketCarrier,
} from '@culvert/tunnel';
import { WebSocketServer } from 'ws';
import { acceptReverseConnection, Codecs, type ReverseCarrier } from '../src/index.js';

const SECONDS = 3;
const STREAMS = 64;
const MESSAGE_BYTES = 1024;
const BULK_STREAMS = 4;
const BULK_BYTES = 65_536;
const NATIVE_MANAGER = fileURLToPath(new URL('../../../apps/traffic-manager/src/main.js', import.meta.url));

interface Far {
  readonly tunnel: Tunnel;
  readonly interceptId: string;
  stop(): void;
}

/** Sends a block, waits until as much has come back, and again. */
class PingPong implements StreamHandler {
  static rounds = 0;
  private got = 0;
  stream: Stream | null = null;

  constructor(private readonly block: Buffer) {}

  onOpen(): void {}
  onEnd(): void {}
  onDrain(): void {}
  onReset(_code: number, detail: string): void {
    process.stderr.write(`${detail}\n`);
  }
  onData(chunk: Buffer): void {
    this.got += chunk.length;
    if (this.got < this.block.length) return;
    this.got = 0;
    PingPong.rounds += 1;
    this.stream?.write(this.block);
  }
}

async function measure(name: string, far: Far, echoPort: number): Promise<void> {
  for (const [streams, bytes] of [
    [STREAMS, MESSAGE_BYTES],
    [BULK_STREAMS, BULK_BYTES],
  ] as const) {
    const target = {
      interceptId: far.interceptId,
      host: '127.0.0.1',
      port: echoPort,
      tls: false,
      serverName: '',
      verifyTls: false,
    };
    const opened = Array.from({ length: streams }, () => {
      const handler = new PingPong(Buffer.alloc(bytes, 1));
      handler.stream = far.tunnel.openStream(target, handler);
      // Two blocks under way keep the connection busy in both directions.
      for (let i = 0; i < 2; i++) handler.stream?.write(Buffer.alloc(bytes, 1));
      return handler.stream;
    });
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const cpu = process.cpuUsage();
    const start = performance.now();
    PingPong.rounds = 0;
    await new Promise((resolve) => setTimeout(resolve, SECONDS * 1000));
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const perSecond = PingPong.rounds / seconds;
    const mibPerSecond = (perSecond * bytes) / 2 ** 20;
    process.stdout.write(
      `${name.padEnd(20)} ${streams} x ${bytes} bytes: ${perSecond.toFixed(0)} round trips/s, ` +
        `${mibPerSecond.toFixed(0)} MiB/s each way, ${((user + system) / PingPong.rounds).toFixed(1)} us of the edge's CPU each\n`,
    );
    for (const stream of opened) stream?.reset(1);
  }
  far.stop();
}

async function startNative(folder: string, certificate: { cert: string; key: string }): Promise<Far> {
  const server = createHttpsServer(certificate);
  const sockets = new WebSocketServer({ server, ...WEBSOCKET_OPTIONS });
  const opened = new Deferred<Tunnel>();
  sockets.on('connection', (socket) => {
    const tunnel = acceptTunnel(new WebSocketCarrier(socket), {
      onHello: async () => ({ accept: { sessionId: 'bench', resumed: false } }),
      onOpen: () => opened.resolve(tunnel),
      onClose: () => undefined,
    });
  });
  const ca = join(folder, 'ca.pem');
  writeFileSync(ca, certificate.cert);
  const child = fork(NATIVE_MANAGER, [], {
    env: {
      ...process.env,
      CULVERT_URL: `https://localhost:${await portOf(server)}`,
      CULVERT_API_KEY: 'bench',
      CULVERT_CA_FILE: ca,
      CULVERT_ALLOW: '127.0.0.0/8',
      LOG_LEVEL: 'error',
    },
  });
  return farEnd(child, await opened.promise, 'bench:web', () => server.closeAllConnections());
}

async function startReverse(echoPort: number, certificate: { cert: string; key: string }): Promise<Far> {
  const server = createSecureServer({ ...certificate, settings: { initialWindowSize: 1_048_576 } });
  const opened = new Deferred<Tunnel>();
  server.on('session', (session) => session.setLocalWindowSize(8 * 1_048_576));
  server.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    stream.respond({ ':status': 200, 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    if (!String(headers[':path']).endsWith('/ReverseConnection')) {
      const domain = Codecs.CreateDomainResponse.encode({ domain: 'bench.test' });
      stream.end(Buffer.concat([Buffer.from([0, 0, 0, 0, domain.length]), domain]));
      return;
    }
    const tunnel = acceptReverseConnection(carrierOf(stream), {
      onOpen: () => opened.resolve(tunnel),
      onMeasured: () => undefined,
      onClose: () => undefined,
    });
  });
  const options = {
    host: 'localhost',
    port: await portOf(server),
    ca: certificate.cert,
    apiKey: 'bench',
    echoPort,
  };
  const child = fork(fileURLToPath(import.meta.url), ['manager']);
  child.send(options);
  const [interceptId] = (await once(child, 'message')) as [string];
  return farEnd(child, await opened.promise, interceptId, () => undefined);
}

function carrierOf(stream: ServerHttp2Stream): ReverseCarrier {
  return {
    start(handler) {
      stream.on('data', (bytes: Buffer) => handler.onData(bytes));
      stream.on('drain', () => handler.onDrain());
      stream.on('close', () => handler.onClose('closed'));
    },
    write: (bytes) => stream.write(bytes),
    pause: () => void stream.pause(),
    resume: () => void stream.resume(),
    end: () => void stream.end(),
  };
}

function farEnd(child: ChildProcess, tunnel: Tunnel, interceptId: string, close: () => void): Far {
  return {
    tunnel,
    interceptId,
    stop: () => {
      child.kill();
      close();
    },
  };
}

async function portOf(server: {
  listen(port: number, host: string): unknown;
  address(): unknown;
}): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server as unknown as NodeJS.EventEmitter, 'listening');
  return (server.address() as AddressInfo).port;
}

function serveManager(): void {
  process.once(
    'message',
    (options: ConstructorParameters<typeof TrafficManagerDouble>[0] & { echoPort: number }) => {
      const manager = new TrafficManagerDouble({ ...options, address: '127.0.0.1' });
      const { id } = manager.addIntercept({ name: 'web' });
      void manager
        .createPreview(id, { ingress: { host: '127.0.0.1', port: options.echoPort } })
        .then(() => process.send?.(id));
    },
  );
  process.once('disconnect', () => process.exit());
}

async function main(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'culvert-bench-'));
  const certificate = createTestCertificate(['localhost']);
  const echo = createServer((socket: Socket) => {
    socket.on('error', () => undefined);
    socket.pipe(socket);
  });
  const echoPort = await portOf(echo);
  try {
    await measure('native', await startNative(folder, certificate), echoPort);
    await measure('reverse connection', await startReverse(echoPort, certificate), echoPort);
  } finally {
    rmSync(folder, { recursive: true });
  }
  process.exit();
}

if (process.argv[2] === 'manager') serveManager();
else await main();
