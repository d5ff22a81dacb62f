import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import { inject } from 'vitest';
import { createDatabase } from './database.js';
import { API_KEY, type Deployment, deploymentOf } from './deployment.js';
import { type Program, startProgram } from './process.js';

/** Edges and an API as separate processes, which communicate only through Postgres and Redis. */
export interface SplitDeployment {
  /** Its requests go through the first edge, which is the one that the app's host names. */
  readonly deployment: Deployment;
  readonly edges: readonly Program[];
  readonly api: Program;
  readonly ports: readonly number[];
  readonly apiPort: number;
  readonly databaseUrl: string;
  stop(): Promise<void>;
}

/**
 * @param options.env of the API
 * @param options.edgeEnv of all edges
 * @param options.database instead of a new one; the caller removes it
 */
export async function startSplit(options: {
  readonly edges: number;
  readonly env?: Record<string, string>;
  readonly edgeEnv?: Record<string, string>;
  readonly database?: { readonly url: string };
}): Promise<SplitDeployment> {
  const own = options.database === undefined ? await createDatabase() : null;
  const { url: databaseUrl } = own ?? options.database!;
  const apiPort = await freePort();
  const ports: number[] = [];
  for (let i = 0; i < options.edges; i++) ports.push(await freePort());
  const shared = {
    DATABASE_URL: databaseUrl,
    REDIS_URL: inject('redisUrl'),
    APP_HOST: `localhost:${ports[0]}`,
    ADMIN_PORT: '0',
  };
  const api = startProgram('apps/api/src/main.js', {
    ...shared,
    PORT: String(apiPort),
    CULVERT_BOOTSTRAP_API_KEY: API_KEY,
    ...options.env,
  });
  const edges = ports.map((port) =>
    startProgram('apps/edge/src/main.js', {
      ...shared,
      PORT: String(port),
      API_UPSTREAM_URL: `http://127.0.0.1:${apiPort}`,
      ...options.edgeEnv,
    }),
  );
  await Promise.all([api.line(/^API key/m), ...edges.map((edge) => edge.logged(/"serving"/))]);
  const [first, ...others] = edges;
  const deployment = deploymentOf(first, ports[0]);
  return {
    deployment,
    edges,
    api,
    ports,
    apiPort,
    databaseUrl,
    stop: async () => {
      await deployment.stop();
      await Promise.all(others.map((edge) => edge.stop()));
      await api.stop();
      await own?.drop();
    },
  };
}

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
