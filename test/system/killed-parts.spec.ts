/**
 * An edge, an API process and a traffic manager of a deployment are killed, one after the other. The names of the groups
 * are rows of the table in docs/operations.md, "When a part fails", and the comments in them its columns. That requests
 * succeed under load is checked in rolling-restart.spec.ts.
 */
import { EventReader } from '@culvert/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { API_KEY, type Preview, visit } from '../support/deployment.js';
import { type FleetDeployment, type Member, startFleetDeployment } from '../support/fleet-deployment.js';
import { edgeIdOf, FleetProbes, OWNER_ENV, readinessOf } from '../support/fleet-probes.js';
import { MixedLoad } from '../support/mixed-load.js';
import { type MixedService, startMixedService } from '../support/mixed-service.js';

const MANAGER_WAIT_MS = 2000;
/** An edge that was not seen for 30 s is dead, and the others look every ten seconds. */
const MAX_DEAD_MS = 45_000;

let fleet: FleetDeployment;
let service: MixedService;
let probes: FleetProbes;
/** Previews of `steady`, with tunnels to two of the three edges, and of `lost`. */
let preview: Preview;
let ofLost: Preview;

beforeAll(async () => {
  service = await startMixedService();
  fleet = await startFleetDeployment({
    edges: 3,
    apis: 2,
    managerIds: ['steady', 'lost'],
    apiEnv: OWNER_ENV,
    edgeEnv: { MANAGER_WAIT_MS: String(MANAGER_WAIT_MS) },
  });
  for (const { program } of fleet.managers) await program.logged(/"tunnels":2,.*"msg":"connected"/);
  probes = await FleetProbes.of(fleet);
  preview = await probes.createPreview(service.port, 'steady');
  ofLost = await probes.createPreview(service.port, 'lost');
});

afterAll(async () => {
  await fleet?.stop();
  service?.stop();
});

async function kill({ program }: Member): Promise<void> {
  program.kill('SIGKILL');
  await program.exited;
}

describe('a traffic manager is killed', () => {
  it('only its previews fail, in time, and it resumes its session', async () => {
    const [manager] = fleet.managers.filter(({ name }) => name.endsWith('lost'));
    const [before] = await probes.sessionsOf('lost');
    const own = await probes.openEventStreams(ofLost.hostname);
    await kill(manager);
    const killedAt = performance.now();
    // new requests
    expect(await probes.statuses(ofLost.hostname)).toEqual([503, 503, 503]);
    const waitedMs = performance.now() - killedAt;
    expect(waitedMs).toBeGreaterThan(MANAGER_WAIT_MS - 500);
    expect(waitedMs).toBeLessThan(MANAGER_WAIT_MS + 2000);
    expect(await probes.statuses(preview.hostname)).toEqual([200, 200, 200]);
    // open streams
    await own.allEnded;
    // changes
    expect(await probes.change()).toBe(201);
    const made = await probes.createPreview(service.port, 'lost');
    // dashboard and sign-in
    expect(await probes.dashboard(await probes.cookie())).toEqual([200, 200]);
    await expect
      .poll(() => probes.sessionsOf('lost', 'disconnected'))
      .toMatchObject([{ id: before.id, tunnels: [] }]);
    // afterwards
    const waiting = probes.statuses(made.hostname);
    await manager.start();
    expect(await waiting).toEqual([200, 200, 200]);
    expect((await probes.sessionsOf('lost')).map(({ id }) => id)).toEqual([before.id]);
  });
});

describe('an API process is killed', () => {
  it('visitors notice nothing, and the other process continues its work', async () => {
    const [killed] = fleet.apis;
    const load = new MixedLoad({
      port: fleet.deployment.port,
      hostnames: [preview.hostname],
      rate: 40,
      eventStreams: 3,
      webSockets: 3,
    });
    await expect.poll(() => load.requests).toBeGreaterThan(20);
    const cookie = await probes.cookie();
    const authorization = { authorization: `Bearer ${API_KEY}` };
    const events = (member: Member) =>
      EventReader.open(`http://127.0.0.1:${member.port}/api/v1/events`, authorization);
    const readers = await Promise.all(fleet.apis.map(events));
    for (const reader of readers) await reader.next('ready');
    await kill(killed);
    // changes
    await fleet.deployment.api('POST', '/api-keys', { name: 'after', scopes: ['previews:read'] });
    // dashboard and sign-in
    for (let i = 0; i < 4; i++) expect(await probes.dashboard(cookie)).toEqual([200, 200]);
    await probes.cookie();
    await readers[0].closed;
    await readers[1].next('change');
    const again = await EventReader.open(
      `http://127.0.0.1:${fleet.deployment.port}/api/v1/events`,
      authorization,
    );
    await again.next('ready');
    again.close();
    readers[1].close();
    // new requests
    const before = load.requests;
    await expect.poll(() => load.requests).toBeGreaterThan(before + 40);
    await load.stop();
    expect(load.failures).toEqual([]);
    // open streams
    expect([...load.closeCodes.keys()]).toEqual([]);
    // afterwards
    await killed.start();
    expect(await readinessOf(killed.program)).toBe(200);
    expect(await probes.change(0)).toBe(201);
  });
});

describe('an edge is killed', { timeout: 120_000 }, () => {
  it('others serve at once, and record later that its tunnels are closed', async () => {
    const edgeIds = await Promise.all(fleet.edges.map(edgeIdOf));
    const [killedId, otherId] = await probes.edgesOf('steady');
    const killed = fleet.edges[edgeIds.indexOf(killedId)];
    const others = fleet.edges.filter((edge) => edge !== killed);
    const [session] = await probes.sessionsOf('steady');
    const through = await probes.openEventStreams(preview.hostname, {}, [killed]);
    const beside = await probes.openEventStreams(preview.hostname, {}, [
      fleet.edges[edgeIds.indexOf(otherId)],
    ]);
    let isBesideOpen = true;
    void beside.allEnded.then(() => (isBesideOpen = false));
    await kill(killed);
    const killedAt = performance.now();
    // new requests
    expect(await probes.statuses(preview.hostname, {}, others)).toEqual([200, 200]);
    expect(performance.now() - killedAt).toBeLessThan(2000);
    expect((await visit(fleet.deployment.port, preview.hostname, '/page')).status).toBe(200);
    // open streams
    await through.allEnded;
    expect(isBesideOpen).toBe(true);
    // changes
    expect(await probes.change()).toBe(201);
    await fleet.deployment.api('POST', '/api-keys', { name: 'beside', scopes: ['previews:read'] });
    // dashboard and sign-in
    expect(await probes.dashboard(await probes.cookie())).toEqual([200, 200]);
    // afterwards
    const living = edgeIds.filter((id) => id !== killedId).toSorted();
    await expect.poll(() => probes.edgesOf('steady'), { timeout: MAX_DEAD_MS }).toEqual(living);
    expect(performance.now() - killedAt).toBeLessThan(MAX_DEAD_MS);
    expect((await probes.sessionsOf('steady')).map(({ id }) => id)).toEqual([session.id]);
    expect(isBesideOpen).toBe(true);
    beside.close();
  });
});
