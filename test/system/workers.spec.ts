/** One edge in several processes on one port, with real processes and signals. */
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { childrenOf } from '../support/child-processes.js';
import { type SplitDeployment, startSplit } from '../support/split-deployment.js';

const visitors: Socket[] = [];
afterEach(async () => {
  for (const visitor of visitors.splice(0)) visitor.destroy();
});

function start(env: Record<string, string> = {}): Promise<SplitDeployment> {
  return startSplit({ edges: 1, edgeEnv: { EDGE_WORKERS: '2', ...env } });
}

function portOf({ edges }: SplitDeployment): number {
  const [, port] = /"adminPort":(\d+)/.exec(edges[0].stderr) ?? [];
  return Number(port);
}

async function adminPage(
  deployment: SplitDeployment,
  path: string,
): Promise<{ status: number; body: string }> {
  const response = await fetch(`http://127.0.0.1:${portOf(deployment)}${path}`);
  return { status: response.status, body: await response.text() };
}

/** Sends one request on a connection of its own, which stays open. Resolves with the first line, or null if it is closed. */
async function visit(
  port: number,
  host = `localhost:${port}`,
  path = '/api/openapi.json',
): Promise<string | null> {
  const visitor = net.connect({ port, host: '127.0.0.1' });
  visitors.push(visitor);
  visitor.on('error', () => {});
  visitor.write(`GET ${path} HTTP/1.1\r\nHost: ${host}\r\n\r\n`);
  return new Promise((resolve) => {
    visitor.once('data', (bytes) => resolve(String(bytes).split('\r\n')[0]));
    visitor.once('close', () => resolve(null));
  });
}

/** Connections accepted by each worker, by its number. */
async function acceptedByWorker(deployment: SplitDeployment): Promise<Map<string, number>> {
  const { body } = await adminPage(deployment, '/metrics');
  const lines = body.matchAll(/^culvert_visitor_connections_total\{worker="(\d+)"\} (\d+)$/gm);
  return new Map([...lines].map(([, worker = '', count]) => [worker, Number(count)]));
}

/**
 * Sends requests, some at a time, until each worker has accepted a connection: on busy cores the one that is awake first may
 * accept all that arrive at once. Returns the different first lines of the responses.
 */
async function visitAllWorkers(
  deployment: SplitDeployment,
  send: () => Promise<string | null>,
): Promise<Set<string | null>> {
  const before = await acceptedByWorker(deployment);
  const lines = new Set<string | null>();
  const sendSome = async () => {
    for (const line of await Promise.all(Array.from({ length: 8 }, send))) lines.add(line);
    for (const visitor of visitors.splice(0)) visitor.destroy();
    const after = await acceptedByWorker(deployment);
    return [...after].filter(([worker, count]) => count === (before.get(worker) ?? 0));
  };
  // Workers report the places that closed connections free four times a second.
  await expect.poll(sendSome, { interval: 500, timeout: 20_000 }).toEqual([]);
  return lines;
}

describe('the workers of a running edge', () => {
  let deployment: SplitDeployment;
  let port: number;
  beforeAll(async () => {
    deployment = await start({ MAX_CONNECTIONS_PER_ADDRESS: '20' });
    [port] = deployment.ports;
  });
  afterAll(() => deployment?.stop());

  it('share the port, and are one process to probes and scrapes', async () => {
    expect(await visitAllWorkers(deployment, () => visit(port))).toEqual(new Set(['HTTP/1.1 200 OK']));
    const accepted = await acceptedByWorker(deployment);
    expect([...accepted.keys()].toSorted()).toEqual(['1', '2']);
    const ready = await adminPage(deployment, '/readyz');
    expect(ready.status).toBe(200);
    expect(JSON.parse(ready.body)).toEqual({
      ready: true,
      checks: { store: 'ok', redis: 'ok' },
      workers: { ready: 2, total: 2 },
    });
  });

  it('serve a preview whose traffic manager has one tunnel, to one of them', async () => {
    const service = http.createServer((_request, response) => response.end('behind')).listen(0, '127.0.0.1');
    await once(service, 'listening');
    await deployment.deployment.startManager({ CULVERT_TUNNELS: '1' });
    const { port: servicePort } = service.address() as AddressInfo;
    const { hostname } = await deployment.deployment.createPreview(servicePort, { access: 'public' });
    const answers = await visitAllWorkers(deployment, () => visit(port, hostname, '/'));
    expect(answers).toEqual(new Set(['HTTP/1.1 200 OK']));
    service.close();
    service.closeAllConnections();
  });

  it('know and name each other, and have links without a secret or a port for them', async () => {
    // Each learns of the other from the directory, a moment after its own start.
    await expect
      .poll(async () => (await adminPage(deployment, '/metrics')).body, { timeout: 20_000 })
      .toMatch(
        /^culvert_edges\{worker="1"\} 2\nculvert_edges\{worker="2"\} 2$|^culvert_edges\{worker="2"\} 2\nculvert_edges\{worker="1"\} 2$/m,
      );
    const { body } = await adminPage(deployment, '/metrics');
    for (const worker of [1, 2]) {
      expect(body).toContain(`culvert_edges{worker="${worker}"} 2`);
      expect(body).toContain(`culvert_links{worker="${worker}"} 1`);
      expect(body).toContain(`culvert_directory_connected{worker="${worker}"} 1`);
      expect(body).toContain(`culvert_link_failures_total{cause="secrets_differ",worker="${worker}"} 0`);
    }
    const { stderr } = deployment.edges[0];
    expect(stderr).toMatch(/"link open"/);
    expect(stderr).toMatch(/"edge":"[^"]+(:\d+ worker|process) \d+"/);
    // The former sentence was like that of an edge without workers, which uses only what it holds itself.
    expect(stderr).toContain("the workers of this edge use each other's tunnels, and none of other edges");
    // Fault: each worker connected to the sockets of the others when it started, which they reported as refused links.
    expect(stderr).not.toMatch(/"(accepting links|link refused)"/);
    const { items } = await deployment.deployment.api<{ items: { tunnels: { edgeName: string }[] }[] }>(
      'GET',
      '/sessions',
    );
    expect(items[0]?.tunnels[0]?.edgeName).toMatch(/.(:\d+ worker|process) \d+$/);
  });

  it('are replaced when one is killed, while the others serve', async () => {
    const [killed] = childrenOf(deployment.edges[0].pid);
    process.kill(killed, 'SIGKILL');
    await deployment.edges[0].logged(/"a worker ended: starting it again"/);
    expect(await visit(port)).toBe('HTTP/1.1 200 OK');
    await expect
      .poll(async () => JSON.parse((await adminPage(deployment, '/readyz')).body) as object)
      .toMatchObject({ workers: { ready: 2, total: 2 } });
    expect(childrenOf(deployment.edges[0].pid)).not.toContain(killed);
    await deployment.edges[0].logged(/lost the edge .+, which held tunnels of \d+ traffic managers/);
    expect(deployment.edges[0].stderr).not.toContain('"link refused"');
  });

  it('count the connections of an address together', async () => {
    // Each waits for the one before it: what opens at the same moment may exceed the limit.
    let open = 0;
    await expect
      .poll(async () => {
        const answer = await visit(port);
        if (answer !== null) open++;
        return answer;
      })
      .toBeNull();
    // Places of connections that the tests before closed may be free only after the next report.
    expect(open).toBeGreaterThan(10);
    // Workers report their places four times a second, and no more than those of one report are too many.
    expect(open).toBeLessThan(40);
    for (const visitor of visitors.splice(0)) visitor.destroy();
    await expect.poll(() => visit(port)).toBe('HTTP/1.1 200 OK');
  });
});

describe('the workers of an edge', () => {
  let split: SplitDeployment | null = null;
  afterEach(async () => {
    await split?.stop();
    split = null;
  });

  it('finish their work when the edge is stopped, and none is left behind', async () => {
    split = await start();
    const [edge] = split.edges;
    const workers = childrenOf(edge.pid);
    expect(workers).toHaveLength(2);
    expect(await edge.stop()).toBe(0);
    for (const pid of workers) expect(() => process.kill(pid, 0)).toThrow('ESRCH');
    expect(edge.stderr.match(/"stopped"/g)).toHaveLength(3);
  });

  it('stop by themselves when the supervisor is killed', async () => {
    split = await start();
    const [edge] = split.edges;
    const workers = childrenOf(edge.pid);
    edge.kill('SIGKILL');
    await edge.exited;
    await expect.poll(() => workers.filter((pid) => isAlive(pid))).toEqual([]);
    // Each finished what it had.
    expect(edge.stderr.match(/"stopped"/g)).toHaveLength(2);
  });

  it('end the edge with an error when they cannot start', async () => {
    await expect(start({ DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none' })).rejects.toThrow();
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
