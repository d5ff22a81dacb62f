/** A traffic agent between real sockets, in this process: its application, a traffic manager, and clients that intercept. */
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo } from 'node:net';
import type { MeetingClient } from '@culvert/meeting-point';
import { startTrafficAgent, type TrafficAgent, type TrafficAgentOptions } from '@culvert/traffic-agent';
import { startTrafficManager } from '@culvert/traffic-manager';
import { pino } from 'pino';
import { expect } from 'vitest';
import { WebSocketServer } from 'ws';
import { CLUSTER_SECRET, OUT_OF_REACH, startClient } from './cluster.js';

const log = pino({ level: 'silent' });

/** The rules of a client that intercepts by `x-dev: alice`. */
export const ALICE = [{ name: 'x-dev', value: 'alice' }];

export interface Service {
  readonly port: number;
  /** Raw bytes of every request head and body so far. */
  readonly seen: string[];
}

export interface RiggedAgent extends TrafficAgent {
  /** Port of the agent's first front. */
  readonly port: number;
  /** Resolves once it looks for this many intercepts. */
  looksFor(count: number): Promise<void>;
}

export class AgentRig {
  private readonly cleanUps: (() => unknown)[] = [];
  managerUrl = '';

  /** With a traffic manager that has no Culvert. */
  static async start(): Promise<AgentRig> {
    const rig = new AgentRig();
    const manager = startTrafficManager(
      {
        url: OUT_OF_REACH,
        apiKey: 'cvt_none',
        managerId: 'm',
        clusterPort: 0,
        clusterSecret: CLUSTER_SECRET,
        drainMs: 500,
      },
      log,
    );
    rig.atEnd(() => manager.stop());
    rig.managerUrl = `http://127.0.0.1:${await manager.clusterPort}`;
    return rig;
  }

  /** Adds a cleanup; the last one added runs first. */
  atEnd(cleanUp: () => unknown): void {
    this.cleanUps.push(cleanUp);
  }

  async stop(): Promise<void> {
    for (const cleanUp of this.cleanUps.toReversed()) await cleanUp();
  }

  async listen(server: net.Server): Promise<number> {
    const sockets = new Set<net.Socket>();
    server.on('connection', (socket: net.Socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => sockets.delete(socket));
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.atEnd(() => {
      for (const socket of sockets) socket.destroy();
      server.close();
    });
    return (server.address() as AddressInfo).port;
  }

  /** Returns a port at which nothing listens. */
  async unusedPort(): Promise<number> {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    return port;
  }

  /** Answers with its color, the method and the size of the body; echoes WebSocket messages with its color. */
  async service(color: string): Promise<Service> {
    const seen: string[] = [];
    const server = http.createServer((request, response) => {
      let bytes = 0;
      request.on('data', (chunk: Buffer) => (bytes += chunk.length));
      request.on('end', () => response.end(`${color} ${request.method} ${bytes}`));
    });
    server.on('connection', (socket: net.Socket) => {
      socket.on('data', (chunk: Buffer) => seen.push(chunk.toString('latin1')));
    });
    new WebSocketServer({ server }).on('connection', (webSocket) => {
      webSocket.on('message', (data: Buffer) => webSocket.send(`${color} ${data.toString()}`));
    });
    return { port: await this.listen(server), seen };
  }

  async agent(
    applicationPort: number,
    changes: Partial<TrafficAgentOptions> = {},
    protocol: 'http' | 'tcp' = 'http',
  ): Promise<RiggedAgent> {
    const started = await startTrafficAgent(
      {
        ports: [{ port: 0, applicationPort, name: 'http', protocol }],
        applicationHost: '127.0.0.1',
        workload: 'orders',
        namespace: 'shop',
        kind: 'Deployment',
        pod: 'orders-1',
        managerUrl: new URL(this.managerUrl),
        credential: () => Promise.resolve(CLUSTER_SECRET),
        drainMs: 500,
        adminPort: null,
        metrics: null,
        ...changes,
      },
      log,
    );
    this.atEnd(() => started.stop());
    return Object.assign(started, {
      port: started.ports[0],
      looksFor: (count: number) =>
        expect.poll(() => started.intercepts.length, { interval: 5, timeout: 10_000 }).toBe(count),
    });
  }

  client(id: string): MeetingClient {
    const started = startClient(this.managerUrl, id);
    this.atEnd(() => started.close());
    return started;
  }

  /** Sends `text` on a new connection and returns everything received, until it contains `until` or ends. */
  async raw(port: number, text: string, until: string | RegExp): Promise<string> {
    const socket = net.connect({ port, host: '127.0.0.1' });
    this.atEnd(() => socket.destroy());
    socket.write(Buffer.from(text, 'latin1'));
    let received = '';
    for await (const chunk of socket) {
      received += (chunk as Buffer).toString('latin1');
      if (typeof until === 'string' ? received.includes(until) : until.test(received)) break;
    }
    return received;
  }
}

export interface Answer {
  readonly status: number;
  readonly body: string;
  readonly headers: http.IncomingHttpHeaders;
}

export function ask(
  port: number,
  headers: http.OutgoingHttpHeaders = {},
  options: { method?: string; body?: string; agent?: http.Agent } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        port,
        host: '127.0.0.1',
        headers,
        method: options.method ?? 'GET',
        agent: options.agent ?? false,
      },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => (body += chunk));
        response.on('end', () => resolve({ status: response.statusCode!, body, headers: response.headers }));
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(options.body);
  });
}
