/**
 * An edge cannot reach the others: a row of the table in docs/operations.md, "When a part fails"; the comments in the test are
 * its columns. The network between edges fails, like an unplugged cable: connections stay open, and nothing passes. Each edge has a
 * folder of its own for temporary files, so that they do not find each other's Unix sockets, as on different machines.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TemporaryFolder } from '../services/server.js';
import { type Preview, visit } from '../support/deployment.js';
import { type FleetDeployment, type Member, startFleetDeployment } from '../support/fleet-deployment.js';
import { FleetProbes, OWNER_ENV } from '../support/fleet-probes.js';
import { type MixedService, startMixedService } from '../support/mixed-service.js';
import { freePort, Proxy } from '../support/network.js';

const EDGES = 3;
const MANAGER_WAIT_MS = 3000;

let fleet: FleetDeployment;
let probes: FleetProbes;
let service: MixedService;
let preview: Preview;
/** In front of the link port of each edge: all others dial this. */
const cables: Proxy[] = [];
const folder = new TemporaryFolder('cut');
let holders: number[];
let stranger: number;

beforeAll(async () => {
  service = await startMixedService();
  const linkPorts: number[] = [];
  for (let i = 0; i < EDGES; i++) {
    linkPorts.push(await freePort());
    cables.push(await Proxy.start(linkPorts[i]));
    mkdirSync(join(folder.path, String(i)));
  }
  fleet = await startFleetDeployment({
    edges: EDGES,
    apis: 1,
    managerIds: ['two-legs'],
    apiEnv: OWNER_ENV,
    edgeEnv: (index) => ({
      EDGE_LINK_PORT: String(linkPorts[index]),
      EDGE_LINK_ADDRESS: `127.0.0.1:${cables[index].port}`,
      TMPDIR: join(folder.path, String(index)),
      MANAGER_WAIT_MS: String(MANAGER_WAIT_MS),
    }),
  });
  await fleet.managers[0].program.logged(/"tunnels":2,.*"msg":"connected"/);
  probes = await FleetProbes.of(fleet);
  preview = await fleet.deployment.createPreview(service.port);
  const indexes = fleet.edges.map((_, i) => i);
  holders = indexes.filter((i) => fleet.edges[i].program.stderr.includes('"tunnel open"'));
  stranger = indexes.find((i) => !holders.includes(i))!;
});

afterAll(async () => {
  await fleet?.stop();
  await Promise.all(cables.map((cable) => cable.stop()));
  service?.stop();
  folder.remove();
});

async function visitAt({ port }: Member): Promise<{ status: number; ms: number }> {
  const begun = performance.now();
  const { status } = await visit(port!, preview.hostname, '/page');
  return { status, ms: performance.now() - begun };
}

const statusAt = async (index: number) => (await visitAt(fleet.edges[index])).status;

describe('an edge is cut off from other edges', () => {
  it('serves through another holder, answers 503 in time without one, and serves again afterwards', async () => {
    expect(holders.length).toBe(2);
    expect(await statusAt(stranger)).toBe(200);
    const streams = await probes.openEventStreams(preview.hostname, {}, [fleet.edges[stranger]]);
    const [first, second] = holders.map((index) => cables[index]);
    const used = first.connections > 0 ? first : second;
    used.silence({ newOnesToo: true });
    // new requests
    // The silence is noticed within 4.5 s; this request waits for it, and is sent again to the other holder.
    const repeated = await visitAt(fleet.edges[stranger]);
    expect(repeated.status).toBe(200);
    expect(repeated.ms).toBeLessThan(8000);
    for (let i = 0; i < 10; i++) expect(await statusAt(stranger)).toBe(200);
    for (const cable of cables) cable.silence({ newOnesToo: true });
    const cutAt = performance.now();
    await expect.poll(() => statusAt(stranger), { timeout: 15_000 }).toBe(503);
    const refused = await visitAt(fleet.edges[stranger]);
    expect([refused.status, refused.ms < MANAGER_WAIT_MS + 2000]).toEqual([503, true]);
    // Edges with a tunnel of their own need no link.
    for (const index of holders) expect(await statusAt(index)).toBe(200);
    // open streams
    await streams.allEnded;
    expect(performance.now() - cutAt).toBeLessThan(20_000);
    // changes
    expect(await probes.change()).toBe(201);
    // dashboard and sign-in
    for (const { port } of fleet.edges)
      expect(await probes.dashboard(await probes.cookie(port!), port!)).toEqual([200, 200]);
    // afterwards
    for (const cable of cables) cable.heal();
    await expect.poll(() => statusAt(stranger)).toBe(200);
    for (const { program } of fleet.edges) expect(program.stderr).not.toContain('"level":60');
  });
});
