/** A real Kubernetes API server on etcd, without nodes and controllers: it stores, validates, admits and authorizes. */
import { execFile } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request as httpsRequest } from 'node:https';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type Tool, ensureTool, findGo } from '../../infra/scripts/kubernetes-tools.mjs';
import { freePort, ServerProcess, TemporaryFolder } from '../services/server.js';

/** May do everything. */
const ADMIN = 'admin';
const READY_TIMEOUT_MS = 60_000;

/** An object of the API. */
export interface KubernetesObject {
  readonly apiVersion?: string;
  readonly kind?: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** An answer of the API that is not a success. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** Output of a program that ended with 0. */
export interface Output {
  readonly stdout: string;
  readonly stderr: string;
}

export class Cluster {
  private constructor(
    private readonly folder: TemporaryFolder,
    private readonly servers: readonly ServerProcess[],
    private readonly port: number,
    private readonly tools: Readonly<Record<Tool, string>>,
  ) {}

  /**
   * Starts an empty cluster.
   * @param users names of users without any right, besides the administrator
   * @returns null where there is no Go that can build its programs
   */
  static async start(users: readonly string[]): Promise<Cluster | null> {
    const go = findGo();
    if (go === null) return null;
    const tools = {
      helm: await ensureTool('helm', go),
      etcd: await ensureTool('etcd', go),
      kubectl: await ensureTool('kubectl', go),
      'kube-apiserver': await ensureTool('kube-apiserver', go),
    };
    const folder = new TemporaryFolder('kubernetes');
    const etcd = await startEtcd(tools.etcd);
    const port = await freePort();
    try {
      const server = await startApiServer(tools['kube-apiserver'], {
        folder,
        etcdUrl: etcd.url,
        port,
        users,
      });
      const cluster = new Cluster(folder, [server, etcd.server], port, tools);
      for (const user of [ADMIN, ...users]) cluster.writeKubeconfig(user);
      await cluster.untilReady();
      return cluster;
    } catch (error) {
      await etcd.server.stop();
      throw error;
    }
  }

  private async untilReady(): Promise<void> {
    const deadline = Date.now() + READY_TIMEOUT_MS;
    for (;;) {
      const state = await this.text('GET', '/readyz').catch(String);
      if (state === 'ok') return;
      if (Date.now() > deadline) throw new Error(`kube-apiserver is not ready: ${state}`);
      await delay(100);
    }
  }

  async stop(): Promise<void> {
    for (const server of this.servers) await server.stop();
  }

  /** Environment of a shell in which `helm` and `kubectl` work on this cluster as this user. */
  shellEnv(user: string = ADMIN): Record<string, string> {
    const home = join(this.folder.path, 'home');
    mkdirSync(home, { recursive: true });
    return {
      PATH: [dirname(this.tools.helm), process.env['PATH'] ?? ''].join(delimiter),
      HOME: home,
      KUBECONFIG: this.kubeconfigOf(user),
    };
  }

  /** Runs Helm as a user; rejects with what it printed if it fails. */
  helm(user: string, args: readonly string[]): Promise<Output> {
    return promisify(execFile)(this.tools.helm, args, {
      env: this.shellEnv(user),
      maxBuffer: 64 * 1024 * 1024,
    });
  }

  /** Runs kubectl as the administrator. */
  kubectl(args: readonly string[]): Promise<Output> {
    return promisify(execFile)(this.tools.kubectl, args, {
      env: this.shellEnv(),
      maxBuffer: 64 * 1024 * 1024,
    });
  }

  get<T = KubernetesObject>(path: string): Promise<T> {
    return this.call<T>('GET', path);
  }

  /** Calls the API as the administrator. Rejects with ApiError. */
  async call<T = KubernetesObject>(
    method: string,
    path: string,
    body?: object,
    contentType = 'application/json',
  ): Promise<T> {
    return JSON.parse(await this.text(method, path, body && JSON.stringify(body), contentType)) as T;
  }

  private text(
    method: string,
    path: string,
    body?: string,
    contentType = 'application/json',
  ): Promise<string> {
    return new Promise((resolve, reject) => {
      const sent = httpsRequest(
        {
          host: '127.0.0.1',
          port: this.port,
          method,
          path,
          ca: readFileSync(this.authority),
          headers: { authorization: `Bearer ${tokenOf(ADMIN)}`, 'content-type': contentType },
        },
        (response) => {
          let text = '';
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
          response.on('error', reject);
          response.on('end', () => {
            const status = response.statusCode ?? 0;
            if (status < 300) resolve(text);
            else reject(new ApiError(status, text));
          });
        },
      );
      sent.on('error', reject);
      sent.end(body);
    });
  }

  private get authority(): string {
    return join(this.folder.path, 'apiserver.crt');
  }

  private kubeconfigOf(user: string): string {
    return join(this.folder.path, `${user}.kubeconfig`);
  }

  private writeKubeconfig(user: string): void {
    const config = {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'test',
          cluster: { server: `https://127.0.0.1:${this.port}`, 'certificate-authority': this.authority },
        },
      ],
      users: [{ name: user, user: { token: tokenOf(user) } }],
      contexts: [{ name: 'test', context: { cluster: 'test', user } }],
      'current-context': 'test',
    };
    writeFileSync(this.kubeconfigOf(user), JSON.stringify(config), { mode: 0o600 });
  }
}

const tokenOf = (user: string): string => `token-of-${user}`;

async function startEtcd(command: string): Promise<{ readonly server: ServerProcess; readonly url: string }> {
  const folder = new TemporaryFolder('etcd');
  const [url, peerUrl] = [await freePort(), await freePort()].map((port) => `http://127.0.0.1:${port}`);
  const args = [
    `--data-dir=${join(folder.path, 'data')}`,
    `--listen-client-urls=${url}`,
    `--advertise-client-urls=${url}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=default=${peerUrl}`,
    // Tests need no data after a crash.
    '--unsafe-no-fsync',
  ];
  const ready = 'ready to serve client requests';
  return {
    server: await ServerProcess.start({ command, args, folder, ready, stopSignal: 'SIGTERM' }),
    url,
  };
}

function startApiServer(
  command: string,
  options: {
    readonly folder: TemporaryFolder;
    readonly etcdUrl: string;
    readonly port: number;
    readonly users: readonly string[];
  },
): Promise<ServerProcess> {
  const { folder, etcdUrl, port, users } = options;
  const file = (name: string, content: string): string => {
    const path = join(folder.path, name);
    writeFileSync(path, content, { mode: 0o600 });
    return path;
  };
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'sec1', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const tokens = [
    `${tokenOf(ADMIN)},${ADMIN},0,system:masters`,
    ...users.map((user, i) => `${tokenOf(user)},${user},${i + 1}`),
  ];
  const args = [
    `--etcd-servers=${etcdUrl}`,
    `--cert-dir=${folder.path}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    '--service-cluster-ip-range=10.96.0.0/24',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-signing-key-file=${file('accounts.key', privateKey)}`,
    `--service-account-key-file=${file('accounts.pub', publicKey)}`,
    '--authorization-mode=RBAC',
    `--token-auth-file=${file('tokens.csv', `${tokens.join('\n')}\n`)}`,
  ];
  return ServerProcess.start({ command, args, folder, ready: 'Serving securely', stopSignal: 'SIGTERM' });
}
