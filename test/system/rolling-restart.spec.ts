/** A whole deployment behind nginx: everything is restarted, then parts of it are killed, under the load of its visitors. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type FleetDeployment, type Member, startFleetDeployment } from '../support/fleet-deployment.js';
import { MixedLoad } from '../support/mixed-load.js';
import { type MixedService, startMixedService } from '../support/mixed-service.js';

const MANAGERS = ['cluster-a', 'cluster-b'];
const PREVIEWS_PER_MANAGER = 5;

let fleet: FleetDeployment;
let service: MixedService;
let hostnames: string[];

beforeAll(async () => {
  service = await startMixedService();
  fleet = await startFleetDeployment({
    edges: 3,
    apis: 2,
    managerIds: MANAGERS,
    edgeEnv: { LAME_DUCK_MS: '500', SHUTDOWN_GRACE_MS: '2000' },
    managerEnv: { CULVERT_DRAIN_MS: '2000' },
  });
  const { items } = await fleet.deployment.api<{ items: { id: string }[] }>('GET', '/traffic-managers');
  hostnames = [];
  for (const { id: trafficManagerId } of items) {
    for (let i = 0; i < PREVIEWS_PER_MANAGER; i++) {
      const overrides = {
        trafficManagerId,
        intercept: { name: `web-${i}`, workload: 'web', namespace: 'default' },
      };
      hostnames.push((await fleet.deployment.createPreview(service.port, overrides)).hostname);
    }
  }
});

afterAll(async () => {
  await fleet?.stop();
  service?.stop();
});

/** A load that has already passed through every edge. */
async function startLoad(rate: number): Promise<MixedLoad> {
  const load = new MixedLoad({
    port: fleet.deployment.port,
    hostnames,
    rate,
    eventStreams: 6,
    webSockets: 6,
  });
  await expect.poll(() => load.requests).toBeGreaterThan(rate / 2);
  return load;
}

async function restart(member: Member, load: MixedLoad): Promise<void> {
  expect(await member.program.stop(), member.name).toBe(0);
  await member.start();
  const before = load.requests;
  await expect.poll(() => load.requests).toBeGreaterThan(before + 50);
}

describe('a deployment behind nginx', { timeout: 180_000 }, () => {
  it('fails no request and tears no body while each process is restarted', async () => {
    const load = await startLoad(200);
    for (const member of [...fleet.edges, ...fleet.apis, ...fleet.managers]) await restart(member, load);
    await load.stop();
    expect(load.failures).toEqual([]);
    expect(load.uploads).toBeGreaterThan(100);
    expect(load.events).toBeGreaterThan(100);
    // Each edge had some of them, and each ended with a close frame.
    expect(load.closeCodes.size).toBeGreaterThan(0);
    for (const code of load.closeCodes.keys()) expect([1001, 1012]).toContain(code);
  });

  it.each([
    ['an edge', () => fleet.edges[1]],
    ['a traffic manager', () => fleet.managers[0]],
    ['an API process', () => fleet.apis[0]],
  ])('serves every request that begins a second after %s is killed', async (_what, memberOf) => {
    const member = memberOf();
    const load = await startLoad(50);
    member.program.kill('SIGKILL');
    await member.program.exited;
    const killedAt = performance.now();
    await member.start();
    const before = load.requests;
    await expect.poll(() => load.requests).toBeGreaterThan(before + 50);
    await load.stop();
    expect(load.failures.filter(({ startedAt }) => startedAt > killedAt + 1000)).toEqual([]);
  });
});
