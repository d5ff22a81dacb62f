import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TokenIssuer } from '@culvert/testkit';
import { createDatabase } from '../support/database.js';
import { type Deployment, startDeployment } from '../support/deployment.js';

/** A deployment that trusts an issuer of job tokens, with a traffic manager and a service behind it. */
export interface CiDeployment {
  readonly deployment: Deployment;
  readonly issuer: TokenIssuer;
  readonly databaseUrl: string;
  /** URL of Culvert, which is also the audience of tokens. */
  readonly url: string;
  /** Port of the service, which answers every request with "Hello from the service". */
  readonly servicePort: number;
  /** Names of the previews of the team. */
  previewNames(): Promise<string[]>;
  /** Creates a workload identity and returns its ID. */
  createIdentity(rule: {
    readonly platform: string;
    readonly conditions: readonly object[];
  }): Promise<string>;
  stop(): Promise<void>;
}

export async function startCiDeployment(): Promise<CiDeployment> {
  const folder = mkdtempSync(join(tmpdir(), 'culvert-test-'));
  const authority = join(folder, 'issuer.pem');
  const issuer = await TokenIssuer.start();
  writeFileSync(authority, issuer.ca);
  const service = http.createServer((_request, response) => response.end('Hello from the service'));
  const { url: databaseUrl } = await createDatabase();
  const [deployment, servicePort] = await Promise.all([
    startDeployment({
      DATABASE_URL: databaseUrl,
      NODE_EXTRA_CA_CERTS: authority,
      WORKLOAD_IDENTITY_INTERNAL_ISSUERS: issuer.url,
    }),
    listen(service),
  ]);
  await deployment.startManager();
  const url = `http://localhost:${deployment.port}`;
  return {
    deployment,
    issuer,
    databaseUrl,
    url,
    servicePort,
    async previewNames() {
      const { items } = await deployment.api<{ items: { intercept: { name: string } }[] }>(
        'GET',
        '/previews',
      );
      return items.map(({ intercept }) => intercept.name);
    },
    async createIdentity(rule) {
      const body = { name: 'Previews of the shop', issuer: issuer.url, audience: url, ...rule };
      return (await deployment.api<{ id: string }>('POST', '/workload-identities', body)).id;
    },
    async stop() {
      service.closeAllConnections();
      service.close();
      await Promise.all([deployment.stop(), issuer.close()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Listens on a port of this machine that the system chooses, and returns it. */
export async function listen(server: http.Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}
