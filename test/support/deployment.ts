import http from 'node:http';
import { type Program, startProgram } from './process.js';

export const API_KEY = 'test-key-0123456789abcdef';

/** One standalone server, and its use by tests. */
export interface Deployment {
  readonly program: Program;
  readonly port: number;
  readonly apiKey: string;
  /** Calls the REST API; rejects unless the status is 2xx. */
  api<T = Record<string, unknown>>(method: string, path: string, body?: unknown, apiKey?: string): Promise<T>;
  /** Like `api`, but returns any response. */
  apiStatus(
    method: string,
    path: string,
    body?: unknown,
    apiKey?: string,
  ): Promise<{ status: number; body: unknown }>;
  createPreview(port: number, overrides?: Record<string, unknown>): Promise<Preview>;
  startManager(env?: Record<string, string>): Promise<Program>;
  stop(): Promise<void>;
}

export interface Preview {
  readonly id: string;
  readonly hostname: string;
  readonly url: string;
  readonly interceptId: string;
  readonly trafficManagerId: string;
}

let newDatabaseUrl: (() => Promise<string>) | null = null;

/**
 * Gives each deployment from here on a database on a server, unless its `env` sets DATA_DIR or DATABASE_URL: an embedded one
 * takes two fifths of the CPU time of a start.
 */
export function storeDeploymentsIn(newUrl: () => Promise<string>): void {
  newDatabaseUrl = newUrl;
}

async function whereToStore(env: Record<string, string>): Promise<Record<string, string>> {
  if ('DATABASE_URL' in env || 'DATA_DIR' in env) return {};
  return newDatabaseUrl === null ? { DATA_DIR: 'memory' } : { DATABASE_URL: await newDatabaseUrl() };
}

/** Its data is removed at the end of the file that starts it, unless `env` sets the place. */
export async function startDeployment(
  env: Record<string, string> = {},
  nodeArgs: readonly string[] = [],
): Promise<Deployment> {
  const program = startProgram(
    'apps/standalone/src/main.js',
    {
      PORT: '0',
      CULVERT_BOOTSTRAP_API_KEY: API_KEY,
      LOG_LEVEL: 'info',
      ...(await whereToStore(env)),
      ...env,
    },
    [],
    nodeArgs,
  );
  const [, port] = await program.line(/^Dashboard +https?:\/\/[^:/]+:(\d+)/m);
  return deploymentOf(program, Number(port));
}

export function deploymentOf(program: Program, port: number, apiPort = port): Deployment {
  const managers: Program[] = [];
  const apiStatus: Deployment['apiStatus'] = async (method, path, body, apiKey = API_KEY) => {
    const response = await fetch(`http://127.0.0.1:${apiPort}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${apiKey}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, body: text === '' ? null : JSON.parse(text) };
  };
  const api: Deployment['api'] = async (method, path, body, apiKey) => {
    const answer = await apiStatus(method, path, body, apiKey);
    if (answer.status >= 300)
      throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`);
    return answer.body as never;
  };
  return {
    program,
    port,
    apiKey: API_KEY,
    api,
    apiStatus,
    createPreview: (ingressPort, overrides = {}) =>
      api('POST', '/previews', {
        intercept: { name: 'web', workload: 'web', namespace: 'default' },
        ingress: { host: '127.0.0.1', port: ingressPort, useTls: false, l5Host: 'web.internal' },
        access: 'public',
        ...overrides,
      }),
    startManager: async (managerEnv = {}) => {
      const manager = startProgram('apps/traffic-manager/src/main.js', {
        CULVERT_URL: `http://127.0.0.1:${port}`,
        CULVERT_API_KEY: API_KEY,
        CULVERT_MANAGER_ID: 'test-manager',
        LOG_LEVEL: 'info',
        ...managerEnv,
      });
      managers.push(manager);
      await manager.logged(/connected/i);
      return manager;
    },
    stop: async () => {
      await Promise.all(managers.map((manager) => manager.stop()));
      await program.stop();
    },
  };
}

export interface HttpResult {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly trailers: NodeJS.Dict<string>;
  readonly body: Buffer;
}

/** Sends one request to a preview by its hostname, over a new connection unless an agent is given. */
export function visit(
  port: number,
  hostname: string,
  target: string,
  options: {
    readonly method?: string;
    readonly headers?: http.OutgoingHttpHeaders;
    readonly body?: string | Buffer;
    readonly agent?: http.Agent;
  } = {},
): Promise<HttpResult> {
  return new Promise((resolve, reject) => {
    const request = http.request(
      {
        port,
        host: '127.0.0.1',
        path: target,
        method: options.method ?? 'GET',
        agent: options.agent ?? false,
        headers: {
          host: hostname,
          ...(options.body === undefined ? {} : { 'content-length': Buffer.byteLength(options.body) }),
          ...options.headers,
        },
      },
      (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('end', () =>
          resolve({
            status: response.statusCode!,
            headers: response.headers,
            trailers: response.trailers,
            body: Buffer.concat(chunks),
          }),
        );
        response.on('error', reject);
      },
    );
    request.on('error', reject);
    request.end(options.body);
  });
}
