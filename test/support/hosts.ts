/**
 * Hosts for tests: each in a network namespace of its own if this machine allows creating one (root, iproute2, bridges),
 * else with an address of its own on loopback. No address exists outside of the namespaces and loopback.
 *
 * With namespaces a host is only on its own networks and has no route to others: a host outside the cluster cannot connect
 * to one inside. Loopback cannot show that.
 */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, existsSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './network.js';
import { startProgram } from './process.js';

/** Both are IPv4 networks of 254 hosts. */
export type Network = 'internet' | 'cluster';

const PREFIXES: Readonly<Record<Network, string>> = { internet: '10.77.0', cluster: '10.77.1' };

/** A connection that could not be opened; `code` is Node's, such as ENETUNREACH. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
  constructor(readonly code: string) {
    super(code);
  }
}

export interface Host {
  readonly name: string;
  /** Command prefix for a program (`startProgram`) that runs on this host. */
  readonly via: readonly string[];
  /** Address of this host on this network. */
  address(network: Network): string;
  /** Returns a port to listen at: the wanted one, unless another host has it. */
  port(wanted: number): Promise<number>;
  /** Opens a connection like a program on this host. Rejects with Unreachable. */
  connect(address: string, port: number): Promise<net.Socket>;
  /** Returns a port of this host's loopback that leads to a port of this machine's, such as that of a database server. */
  window(port: number): Promise<number>;
  /**
   * Loses what this host sends to another one over a network, without a word to either, until the returned function is
   * called. What the other one sends still arrives. Network namespaces only.
   */
  cut(to: Host, network: Network): () => void;
}

export interface Hosts<Name extends string> {
  readonly kind: 'network namespaces' | 'loopback addresses';
  /** Why they are not network namespaces; empty if they are. */
  readonly reason: string;
  readonly of: Readonly<Record<Name, Host>>;
  /** Requires that their programs have ended. */
  remove(): Promise<void>;
}

/** @param plan the hosts, each with its networks */
export async function createHosts<Name extends string>(
  plan: Readonly<Record<Name, readonly Network[]>>,
): Promise<Hosts<Name>> {
  const names = Object.keys(plan) as Name[];
  const namespaces = new Namespaces();
  try {
    const hosts = names.map((name, i) => namespaces.add(name, plan[name], i + 1));
    for (const host of hosts) await host.open();
    return {
      kind: 'network namespaces',
      reason: '',
      of: byName(hosts),
      remove: () => namespaces.remove(),
    };
  } catch (error) {
    await namespaces.remove();
    const hosts = names.map((name, i) => new LoopbackHost(name, `127.77.0.${i + 1}`));
    return {
      kind: 'loopback addresses',
      reason: (error as Error).message,
      of: byName(hosts),
      remove: () => Promise.resolve(),
    };
  }
}

export interface HostAnswer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

/** Sends one request from a host, on a new connection. Rejects with Unreachable. */
export async function request(
  from: Host,
  to: { readonly address: string; readonly port: number },
  options: {
    readonly method?: string;
    readonly path?: string;
    readonly headers?: http.OutgoingHttpHeaders;
    readonly body?: string;
  } = {},
): Promise<HostAnswer> {
  const { method = 'GET', path = '/', headers = {}, body } = options;
  const socket = await from.connect(to.address, to.port);
  return new Promise((resolve, reject) => {
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const sent = http.request(
      {
        method,
        path,
        headers: { host: `${to.address}:${to.port}`, ...length, ...headers },
        createConnection: () => socket,
      },
      (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.on('end', () => {
          socket.destroy();
          resolve({ status: response.statusCode!, headers: response.headers, body: text });
        });
        response.on('error', reject);
      },
    );
    sent.on('error', reject);
    sent.end(body);
  });
}

function byName<Name extends string>(hosts: readonly Host[]): Record<Name, Host> {
  return Object.fromEntries(hosts.map((host) => [host.name, host])) as Record<Name, Host>;
}

class LoopbackHost implements Host {
  readonly via = [];

  constructor(
    readonly name: string,
    private readonly own: string,
  ) {}

  address(): string {
    return this.own;
  }

  port(): Promise<number> {
    return freePort();
  }

  window(port: number): Promise<number> {
    return Promise.resolve(port);
  }

  cut(): never {
    throw new Error('loopback cannot be cut');
  }

  async connect(address: string, port: number): Promise<net.Socket> {
    const socket = net.connect({ host: address, port, localAddress: this.own });
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      throw new Unreachable((error as NodeJS.ErrnoException).code ?? String(error));
    }
  }
}

/** The namespaces of one test. One more holds the networks themselves: the machine's own namespace stays unchanged. */
class Namespaces {
  private readonly folder = mkdtempSync(join(tmpdir(), 'culvert-hosts-'));
  private readonly hosts: NamespaceHost[] = [];
  private readonly made: string[] = [];
  private readonly hub = `culvert-${process.pid}-hub`;
  private readonly removeAtExit = (): void => this.removeNow();

  add(name: string, networks: readonly Network[], number: number): NamespaceHost {
    if (this.made.length === 0) this.makeHub();
    const namespace = `culvert-${process.pid}-${name}`;
    this.make(namespace);
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
    for (const network of networks) {
      const port = `${network.slice(0, 1)}${number}`;
      ip('-n', this.hub, 'link', 'add', port, 'type', 'veth', 'peer', 'name', network, 'netns', namespace);
      ip('-n', this.hub, 'link', 'set', port, 'master', network, 'up');
      ip('-n', namespace, 'address', 'add', `${PREFIXES[network]}.${number}/24`, 'dev', network);
      ip('-n', namespace, 'link', 'set', network, 'up');
    }
    const host = new NamespaceHost(name, namespace, number, join(this.folder, name));
    this.hosts.push(host);
    return host;
  }

  async remove(): Promise<void> {
    await Promise.all(this.hosts.map((host) => host.close()));
    this.removeNow();
    process.off('exit', this.removeAtExit);
  }

  private makeHub(): void {
    if (process.getuid?.() !== 0) throw new Error('only root can create network namespaces');
    removeLeftOvers();
    process.once('exit', this.removeAtExit);
    this.make(this.hub);
    for (const network of Object.keys(PREFIXES)) {
      ip('-n', this.hub, 'link', 'add', network, 'type', 'bridge');
      ip('-n', this.hub, 'link', 'set', network, 'up');
    }
  }

  private make(namespace: string): void {
    ip('netns', 'add', namespace);
    this.made.push(namespace);
  }

  private removeNow(): void {
    for (const namespace of this.made.splice(0)) spawnSync('ip', ['netns', 'delete', namespace]);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

class NamespaceHost implements Host {
  readonly via: readonly string[];
  /** Ends the programs that lead into this host and out of it. */
  private readonly closing: (() => unknown)[] = [];

  constructor(
    readonly name: string,
    private readonly namespace: string,
    private readonly number: number,
    private readonly door: string,
  ) {
    this.via = ['ip', 'netns', 'exec', namespace];
  }

  /**
   * Starts the program that opens connections there for this process, which stays outside: sockets with a path ignore
   * namespaces.
   */
  async open(): Promise<void> {
    const program = startProgram('test/support/processes/door.js', {}, [this.door], [], this.via);
    this.closing.push(() => program.stop());
    await program.line(/^open$/m);
  }

  async close(): Promise<void> {
    await Promise.all(this.closing.splice(0).map((close) => close()));
  }

  async window(port: number): Promise<number> {
    const path = `${this.door}-${port}`;
    const server = net.createServer({ allowHalfOpen: true }, (near) => {
      const far = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true });
      near.on('error', () => far.destroy()).once('close', () => far.destroy());
      far.on('error', () => near.destroy()).once('close', () => near.destroy());
      near.pipe(far).pipe(near);
    });
    server.listen(path);
    const program = startProgram('test/support/processes/window.js', {}, [path], [], this.via);
    this.closing.push(async () => {
      await program.stop();
      server.close();
    });
    const [, own] = await program.line(/^port (\d+)$/m);
    return Number(own);
  }

  /** The packets go to a hardware address that no host has. */
  cut(to: Host, network: Network): () => void {
    const neighbor = [to.address(network), 'dev', network];
    ip(
      '-n',
      this.namespace,
      'neighbor',
      'replace',
      ...neighbor,
      'lladdr',
      '02:00:00:00:00:01',
      'nud',
      'permanent',
    );
    return () => ip('-n', this.namespace, 'neighbor', 'delete', ...neighbor);
  }

  address(network: Network): string {
    return `${PREFIXES[network]}.${this.number}`;
  }

  port(wanted: number): Promise<number> {
    return Promise.resolve(wanted);
  }

  async connect(address: string, port: number): Promise<net.Socket> {
    const socket = net.connect(this.door);
    socket.write(`${address} ${port}\n`);
    const answer = await firstLine(socket);
    if (answer === 'connected') return socket;
    socket.destroy();
    throw new Unreachable(answer);
  }
}

/** Reads one line and keeps what follows it. */
async function firstLine(socket: net.Socket): Promise<string> {
  let text = '';
  for (;;) {
    const chunk = socket.read(1) as Buffer | null;
    if (chunk === null) {
      if (socket.readableEnded) throw new Error('the door was closed');
      await Promise.race([once(socket, 'readable'), once(socket, 'end')]);
    } else if (chunk[0] === 0x0a) {
      return text;
    } else {
      text += chunk.toString();
    }
  }
}

/** Removes what tests that were killed left behind. */
function removeLeftOvers(): void {
  if (!existsSync('/run/netns')) return;
  for (const namespace of readdirSync('/run/netns')) {
    const pid = /^culvert-(\d+)-/.exec(namespace)?.[1];
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) spawnSync('ip', ['netns', 'delete', namespace]);
  }
}

function ip(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`ip ${args.join(' ')}: ${error?.message ?? stderr.trim()}`);
}
