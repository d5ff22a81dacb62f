import { writeFileSync } from 'node:fs';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { join } from 'node:path';
import { createTestCertificate } from '@culvert/testkit';
import { freePort, TemporaryFolder } from '../services/server.js';
import { API_KEY } from '../support/deployment.js';
import { type Program, startProgram } from '../support/process.js';
import type { Scope } from './scope.js';

/** A certificate for everything that the bench serves over TLS, in files. */
export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
  /** PEM, its own authority. */
  readonly ca: string;
  stop(): Promise<void>;
}

export function writeCertificate(): CertificateFiles {
  const folder = new TemporaryFolder('bench-tls');
  const { cert, key } = createTestCertificate(['localhost', '*.preview.localhost']);
  const files = { cert: join(folder.path, 'cert.pem'), key: join(folder.path, 'key.pem') };
  writeFileSync(files.cert, cert);
  writeFileSync(files.key, key, { mode: 0o600 });
  return { ...files, ca: cert, stop: async () => folder.remove() };
}

export interface EdgeOptions {
  readonly tls?: CertificateFiles;
  /** Default: the embedded database. */
  readonly databaseUrl?: string;
  readonly nodeArgs?: readonly string[];
  /** Further settings. */
  readonly env?: Readonly<Record<string, string>>;
}

/** The standalone server: the edge under test. */
export interface CulvertEdge {
  readonly program: Program;
  readonly port: number;
  readonly url: string;
  /** Calls the REST API; rejects unless the status is 2xx. */
  api(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>;
  /** Creates a public preview of a service on a port of this machine: its hostname. Needs a traffic manager. */
  previewOf(name: string, port: number): Promise<string>;
}

/** Culvert with one traffic manager, a process each. */
export interface Culvert extends Omit<CulvertEdge, 'program'> {
  readonly edge: Program;
  readonly manager: Program;
}

export async function startCulvert(scope: Scope, options: EdgeOptions = {}): Promise<Culvert> {
  const edge = await startEdge(scope, options);
  const manager = await startManager(scope, edge.url, { tls: options.tls });
  return { ...edge, edge: edge.program, manager };
}

export async function startEdge(
  scope: Scope,
  { tls, databaseUrl, nodeArgs = [], env: further = {} }: EdgeOptions = {},
): Promise<CulvertEdge> {
  const folder = new TemporaryFolder('bench-edge');
  scope.keep({ stop: async () => folder.remove() });
  const env = {
    PORT: '0',
    DATA_DIR: folder.path,
    CULVERT_BOOTSTRAP_API_KEY: API_KEY,
    LOG_LEVEL: 'warn',
    // One team stands for many: its limits are not what is measured.
    MAX_SESSIONS_PER_TEAM: '1000000',
    MAX_API_REQUESTS_PER_TEAM: '0',
    MAX_PREVIEWS_PER_TEAM: '1000000',
    MAX_PREVIEW_REQUESTS_PER_TEAM: '1000000000',
    ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
    ...(tls && { TLS_CERT_FILE: tls.cert, TLS_KEY_FILE: tls.key }),
    ...further,
  };
  const program = scope.keep(
    startProgram('apps/standalone/src/main.js', env, [], [...nodeArgs, ...scope.nodeArgs]),
  );
  announce('edge', program);
  const port = Number((await program.line(/^Dashboard +https?:\/\/[^:/]+:(\d+)/m))[1]);
  return edgeAt(program, port, tls);
}

/** Returns an edge that serves on this port of this machine. */
function edgeAt(program: Program, port: number, tls?: CertificateFiles): CulvertEdge {
  const call: CulvertEdge['api'] = (method, path, body) =>
    callApi({ port, ca: tls?.ca }, { method, path, body });
  return {
    program,
    port,
    // The name, not the address, since the certificate is for the name.
    url: tls ? `https://localhost:${port}` : `http://127.0.0.1:${port}`,
    api: call,
    previewOf: async (name, ingressPort) => {
      const preview = await call('POST', '/previews', previewBody(name, ingressPort));
      return preview['hostname'] as string;
    },
  };
}

/** Starts an API process, and an edge in a process of its own, which may have workers. */
export async function startSplitEdge(
  scope: Scope,
  options: { readonly databaseUrl: string; readonly env: Readonly<Record<string, string>> },
): Promise<CulvertEdge> {
  const [port, apiPort] = [await freePort(), await freePort()];
  const shared = {
    DATABASE_URL: options.databaseUrl,
    APP_HOST: `localhost:${port}`,
    ADMIN_PORT: '0',
    ...options.env,
    LOG_LEVEL: 'info',
    MAX_PREVIEW_REQUESTS_PER_TEAM: '1000000000',
  };
  const api = scope.keep(
    startProgram('apps/api/src/main.js', {
      ...shared,
      PORT: String(apiPort),
      CULVERT_BOOTSTRAP_API_KEY: API_KEY,
    }),
  );
  await api.line(/^API key/m);
  const env = { ...shared, PORT: String(port), API_UPSTREAM_URL: `http://127.0.0.1:${apiPort}` };
  const program = scope.keep(startProgram('apps/edge/src/main.js', env, [], scope.nodeArgs));
  announce('edge', program);
  await program.logged(/"serving"/);
  return edgeAt(program, port);
}

/** Returns the body of `POST /previews` for a public preview of a service on a port of this machine. */
export function previewBody(name: string, port: number): Record<string, unknown> {
  return {
    intercept: { name, workload: name, namespace: 'bench' },
    ingress: { host: '127.0.0.1', port, useTls: false, l5Host: 'service.internal' },
    access: 'public',
  };
}

/**
 * Starts a traffic manager; resolves when its tunnels are open.
 * @param url that it dials: the edge, or something in front of it
 */
export async function startManager(
  scope: Scope,
  url: string,
  { tls, tunnels }: { readonly tls?: CertificateFiles; readonly tunnels?: number } = {},
): Promise<Program> {
  const env = {
    CULVERT_URL: url,
    CULVERT_API_KEY: API_KEY,
    CULVERT_MANAGER_ID: 'bench',
    LOG_LEVEL: 'info',
    ...(tunnels !== undefined && { CULVERT_TUNNELS: String(tunnels) }),
    ...(tls && { CULVERT_CA_FILE: tls.cert }),
  };
  const manager = scope.keep(startProgram('apps/traffic-manager/src/main.js', env, [], scope.nodeArgs));
  announce('traffic manager', manager);
  await manager.logged(new RegExp(`(?:"connected"[^]*){${tunnels ?? 1}}`));
  return manager;
}

/** Prints the process, for people who want to examine it during the measurement. */
function announce(role: string, { pid }: Program): void {
  process.stderr.write(`  ${role}: process ${pid}\n`);
}

function callApi(
  { port, ca }: { readonly port: number; readonly ca: string | undefined },
  { method, path, body }: { readonly method: string; readonly path: string; readonly body: unknown },
): Promise<Record<string, unknown>> {
  const content = body === undefined ? '' : JSON.stringify(body);
  const options = {
    host: '127.0.0.1',
    port,
    path: `/api/v1${path}`,
    method,
    headers: {
      host: `localhost:${port}`,
      authorization: `Bearer ${API_KEY}`,
      'content-type': 'application/json',
      'content-length': Buffer.byteLength(content),
    },
  };
  return new Promise((resolve, reject) => {
    const request =
      ca === undefined ? requestHttp(options) : requestHttps({ ...options, ca, servername: 'localhost' });
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (piece: string) => (text += piece));
      response.on('error', reject);
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        if (status >= 300) reject(new Error(`${method} ${path}: ${status} ${text}`));
        else resolve(text === '' ? {} : (JSON.parse(text) as Record<string, unknown>));
      });
    });
    request.end(content);
  });
}
