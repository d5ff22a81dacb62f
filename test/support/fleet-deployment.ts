import { inject } from 'vitest';
import { startNginx, type Nginx } from '../bench/nginx.js';
import { freePort, TemporaryFolder } from '../services/server.js';
import { createDatabase } from './database.js';
import { API_KEY, type Deployment, deploymentOf } from './deployment.js';
import { type Program, startProgram } from './process.js';

/** A part of the fleet that can be replaced by a new process with the same settings. */
export interface Member {
  readonly name: string;
  readonly program: Program;
  /** Where it listens; a traffic manager listens nowhere. */
  readonly port: number | null;
  /** Starts a new process in place of one that has ended. Resolves once it serves. */
  start(): Promise<void>;
}

/** Edges, API processes and traffic managers as operators run them: behind nginx, on Postgres and Redis. */
export interface FleetDeployment {
  /** Its requests go through nginx. */
  readonly deployment: Deployment;
  readonly edges: readonly Member[];
  readonly apis: readonly Member[];
  readonly managers: readonly Member[];
  readonly databaseUrl: string;
  stop(): Promise<void>;
}

export interface FleetOptions {
  readonly edges: number;
  readonly apis: number;
  /** Ids of the traffic managers, one process for each. */
  readonly managerIds: readonly string[];
  /** Settings of all edges, or of the edge with this index. */
  readonly edgeEnv?: Record<string, string> | ((index: number) => Record<string, string>);
  readonly apiEnv?: Record<string, string>;
  readonly managerEnv?: Record<string, string>;
  readonly redisUrl?: string;
  readonly database?: { readonly url: string };
}

/** Same for all edges of all tests: each test has a database of its own, but they share Redis. */
const LINK_SECRET = 'links-of-tests-0123456789abcdef0123456789';

export async function startFleetDeployment(options: FleetOptions): Promise<FleetDeployment> {
  const { edgeEnv } = options;
  const own = options.database === undefined ? await createDatabase() : null;
  const databaseUrl = (own ?? options.database!).url;
  const edgePorts = await freePorts(options.edges);
  const apiPorts = await freePorts(options.apis);
  const [apiBalancerPort = 0] = await freePorts(1);
  const nginx = await startBalancer(edgePorts, apiPorts, apiBalancerPort);
  const shared = {
    DATABASE_URL: databaseUrl,
    REDIS_URL: options.redisUrl ?? inject('redisUrl'),
    APP_HOST: `127.0.0.1:${nginx.port}`,
    ADMIN_PORT: '0',
    TRUSTED_PROXIES: '127.0.0.1',
    EDGE_LINK_SECRET: LINK_SECRET,
    EDGE_LINK_PORT: '0',
    EDGE_LINK_ADDRESS: '',
  };
  // The first API process creates what the deployment begins with.
  const apis: Member[] = [];
  for (const [index, port] of apiPorts.entries()) {
    const env = { ...shared, PORT: String(port), CULVERT_BOOTSTRAP_API_KEY: API_KEY, ...options.apiEnv };
    apis.push(
      await startMember(`api ${index}`, port, () => startProgram('apps/api/src/main.js', env), isServing),
    );
  }
  const edges = await Promise.all(
    edgePorts.map((port, index) => {
      const env = {
        ...shared,
        PORT: String(port),
        API_UPSTREAM_URL: `http://127.0.0.1:${apiBalancerPort}`,
        ...(typeof edgeEnv === 'function' ? edgeEnv(index) : edgeEnv),
      };
      return startMember(`edge ${index}`, port, () => startProgram('apps/edge/src/main.js', env), isServing);
    }),
  );
  const managers = await Promise.all(
    options.managerIds.map((id) => {
      const env = {
        CULVERT_URL: `http://127.0.0.1:${nginx.port}`,
        CULVERT_API_KEY: API_KEY,
        CULVERT_MANAGER_ID: id,
        ...options.managerEnv,
      };
      return startMember(
        `manager ${id}`,
        null,
        () => startProgram('apps/traffic-manager/src/main.js', env),
        (program) => program.logged(/"connected"/),
      );
    }),
  );
  const deployment = deploymentOf(edges[0].program, nginx.port);
  return {
    deployment,
    edges,
    apis,
    managers,
    databaseUrl,
    stop: async () => {
      await Promise.all([...managers, ...edges].map(({ program }) => program.stop()));
      await Promise.all(apis.map(({ program }) => program.stop()));
      await nginx.stop();
      await own?.drop();
    },
  };
}

async function startMember(
  name: string,
  port: number | null,
  run: () => Program,
  waitFor: (program: Program) => Promise<unknown>,
): Promise<Member> {
  let program = run();
  await waitFor(program);
  return {
    name,
    port,
    get program() {
      return program;
    },
    async start() {
      program = run();
      await waitFor(program);
    },
  };
}

/** nginx with its usual settings for a proxy: it tries another server only where none of the request was sent. */
function startBalancer(
  edgePorts: readonly number[],
  apiPorts: readonly number[],
  apiBalancerPort: number,
): Promise<Nginx> {
  return startNginx(new TemporaryFolder('balancer'), (port) => [
    'map $http_upgrade $connection_header { default upgrade; "" ""; }',
    'upstream edges {',
    ...upstreamServers(edgePorts),
    '  keepalive 64;',
    '}',
    'upstream apis {',
    ...upstreamServers(apiPorts),
    '}',
    'proxy_http_version 1.1;',
    'proxy_set_header Host $http_host;',
    'proxy_buffering off;',
    'proxy_request_buffering off;',
    'proxy_read_timeout 120s;',
    'server {',
    `  listen 127.0.0.1:${port};`,
    '  location / {',
    '    proxy_pass http://edges;',
    // A location that sets a header inherits none.
    '    proxy_set_header Host $http_host;',
    '    proxy_set_header Upgrade $http_upgrade;',
    '    proxy_set_header Connection $connection_header;',
    '  }',
    '}',
    'server {',
    `  listen 127.0.0.1:${apiBalancerPort};`,
    '  location / { proxy_pass http://apis; }',
    '}',
  ]);
}

function upstreamServers(ports: readonly number[]): string[] {
  return ports.map((port) => `  server 127.0.0.1:${port} max_fails=0;`);
}

function isServing(program: Program): Promise<unknown> {
  return program.logged(/"serving"/);
}

async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  for (let i = 0; i < count; i++) ports.push(await freePort());
  return ports;
}
