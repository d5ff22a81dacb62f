/** What visitors, people and programs get from a fleet, asked one by one. */
import { once } from 'node:events';
import http from 'node:http';
import { API_KEY, type HttpResult, type Preview, visit } from './deployment.js';
import type { FleetDeployment, Member } from './fleet-deployment.js';
import type { Program } from './process.js';

const OWNER = { email: 'ann@shop.test', password: 'correct horse battery' };
/** Settings of API processes: the owner who signs in. */
export const OWNER_ENV = {
  CULVERT_BOOTSTRAP_EMAIL: OWNER.email,
  CULVERT_BOOTSTRAP_PASSWORD: OWNER.password,
};

export interface ApiAnswer {
  readonly status: number;
  readonly code: string | undefined;
  /** Seconds; NaN without the field. */
  readonly retryAfter: number;
  readonly ms: number;
}

/** A connected session, as the API shows it. */
export interface ProbedSession {
  readonly id: string;
  readonly state: string;
  readonly tunnels: readonly { readonly edgeId: string }[];
}

/** Returns the status of `/readyz`. */
export async function readinessOf(program: Program): Promise<number> {
  const [, port] = await program.logged(/"adminPort":(\d+)/);
  return (await fetch(`http://127.0.0.1:${port}/readyz`)).status;
}

/** Returns the id that an edge gave itself when it started. */
export async function edgeIdOf({ program }: Member): Promise<string> {
  const [, id] = await program.logged(/"edgeId":"([^"]+)".*"accepting links"/);
  return id;
}

export class FleetProbes {
  private created = 0;

  private constructor(
    private readonly fleet: FleetDeployment,
    /** Ids of the traffic managers, by their manager ids. */
    readonly trafficManagers: ReadonlyMap<string, string>,
  ) {}

  /** Its traffic managers must be connected. */
  static async of(fleet: FleetDeployment): Promise<FleetProbes> {
    const { items } = await fleet.deployment.api<{ items: { id: string; managerId: string }[] }>(
      'GET',
      '/traffic-managers',
    );
    return new FleetProbes(fleet, new Map(items.map(({ managerId, id }) => [managerId, id])));
  }

  /** Creates a preview of an intercept of its own. */
  createPreview(port: number, managerId: string, overrides: Record<string, unknown> = {}): Promise<Preview> {
    return this.fleet.deployment.createPreview(port, {
      trafficManagerId: this.trafficManagers.get(managerId),
      intercept: { name: `web-${this.created++}`, workload: 'web', namespace: 'default' },
      ...overrides,
    });
  }

  /** Returns the statuses of one visit at each edge. */
  async statuses(
    hostname: string,
    headers: Readonly<Record<string, string>> = {},
    at: readonly Member[] = this.fleet.edges,
  ): Promise<number[]> {
    const answers = await Promise.all(at.map(({ port }) => visit(port!, hostname, '/page', { headers })));
    return answers.map(({ status }) => status);
  }

  /** Opens an event stream at each edge. Resolves once all are open, with a promise that resolves when all have ended. */
  async openEventStreams(
    hostname: string,
    headers: Readonly<Record<string, string>> = {},
    at: readonly Member[] = this.fleet.edges,
  ): Promise<{ readonly allEnded: Promise<unknown>; close(): void }> {
    const open = await Promise.all(
      at.map(async ({ port }) => {
        const options = {
          port: port!,
          path: '/events',
          agent: false,
          headers: { ...headers, host: hostname },
        };
        const request = http.get(options).on('error', () => {});
        const [response] = (await once(request, 'response')) as [http.IncomingMessage];
        if (response.statusCode !== 200) throw new Error(`an event stream got ${response.statusCode}`);
        response.on('error', () => {}).resume();
        return { request, ended: new Promise((resolve) => response.once('close', resolve)) };
      }),
    );
    return {
      allEnded: Promise.all(open.map(({ ended }) => ended)),
      close: () => open.forEach(({ request }) => request.destroy()),
    };
  }

  /** Sends a request to an API process, past edges and balancer. */
  async call(method: string, path: string, body?: object, at = 0): Promise<ApiAnswer> {
    const before = performance.now();
    const response = await fetch(`http://127.0.0.1:${this.fleet.apis[at].port}/api/v1${path}`, {
      method,
      headers: { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const { code } = (await response.json().catch(() => ({}))) as { code?: string };
    const retryAfter = Number(response.headers.get('retry-after') ?? Number.NaN);
    return { status: response.status, code, retryAfter, ms: performance.now() - before };
  }

  /** Makes an API key, as a change. Returns the status. */
  async change(at = 0): Promise<number> {
    const body = { name: `change ${this.created++}`, scopes: ['previews:read'] };
    return (await this.call('POST', '/api-keys', body, at)).status;
  }

  /** Signs in at the balancer, or at an edge. */
  signIn(port = this.fleet.deployment.port): Promise<HttpResult> {
    const host = this.appHost;
    return visit(port, host, '/api/v1/sign-in', {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: `http://${host}` },
      body: JSON.stringify(OWNER),
    });
  }

  /** Signs in, and returns the session's cookie. */
  async cookie(port = this.fleet.deployment.port): Promise<string> {
    const { status, headers } = await this.signIn(port);
    if (status !== 204) throw new Error(`signing in got ${status}`);
    return headers['set-cookie']!.map((line) => line.split(';')[0]).join('; ');
  }

  /** Returns the status of the dashboard's page, and of a request that it makes. */
  async dashboard(cookie: string, port = this.fleet.deployment.port): Promise<[number, number]> {
    const host = this.appHost;
    const page = await visit(port, host, '/previews', { headers: { cookie, accept: 'text/html' } });
    const data = await visit(port, host, '/api/v1/previews', { headers: { cookie } });
    return [page.status, data.status];
  }

  /** Returns the sessions of a traffic manager in this state. */
  async sessionsOf(managerId: string, state = 'connected'): Promise<ProbedSession[]> {
    const path = `/sessions?trafficManagerId=${this.trafficManagers.get(managerId)}&state=${state}`;
    return (await this.fleet.deployment.api<{ items: ProbedSession[] }>('GET', path)).items;
  }

  /** Returns the ids of the edges that the sessions of a traffic manager show, sorted: one for each tunnel. */
  async edgesOf(managerId: string): Promise<string[]> {
    const sessions = await this.sessionsOf(managerId);
    return sessions.flatMap(({ tunnels }) => tunnels.map(({ edgeId }) => edgeId)).toSorted();
  }

  private get appHost(): string {
    return `127.0.0.1:${this.fleet.deployment.port}`;
  }
}
