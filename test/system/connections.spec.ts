import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { createStore } from '@culvert/store';
import type { TestDatabase } from '@culvert/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createDatabase } from '../support/database.js';
import { type Deployment, startDeployment, visit } from '../support/deployment.js';
import { Proxy } from '../support/network.js';

/** The data of the Connections page: a standalone server, and managers that connect and disconnect for every reason. */
const BODY_BYTES = 100_000;
const POLL = { timeout: 20_000, interval: 100 };

let database: TestDatabase;
let deployment: Deployment;
let service: http.Server;
const networks: Proxy[] = [];

beforeAll(async () => {
  service = http.createServer((request, response) => {
    request.resume();
    request.on('end', () => response.end('x'.repeat(BODY_BYTES)));
  });
  service.listen(0, '127.0.0.1');
  await once(service, 'listening');
  database = await createDatabase();
  deployment = await startDeployment({ DATABASE_URL: database.url });
});

afterAll(async () => {
  await deployment?.stop();
  await Promise.all(networks.map((network) => network.stop()));
  await database?.drop();
  service.close();
});

interface Event {
  readonly change: string;
  readonly reason: string | null;
}

const changes = (events: readonly Event[]): string[] =>
  events.map(({ change, reason }) => (reason === null ? change : `${change}: ${reason}`)).toReversed();

/** Returns the history, oldest first. */
async function history(trafficManagerId: string): Promise<string[]> {
  const page = await deployment.api<{ items: Event[] }>(
    'GET',
    `/traffic-managers/${trafficManagerId}/connections`,
  );
  return changes(page.items);
}

interface Session {
  readonly id: string;
  readonly trafficManagerId: string;
  readonly trafficManager: { readonly managerId: string };
  readonly receivedBytes: number;
  readonly sentBytes: number;
  readonly roundTripMs: number | null;
}

async function sessionOf(managerId: string): Promise<Session> {
  const { items } = await deployment.api<{ items: Session[] }>('GET', '/sessions?state=connected&limit=200');
  const session = items.find(({ trafficManager }) => trafficManager.managerId === managerId);
  if (!session) throw new Error(`${managerId} is not connected`);
  return session;
}

async function networkTo(port: number): Promise<Proxy> {
  const network = await Proxy.start(port);
  networks.push(network);
  return network;
}

describe('the history of a traffic manager', () => {
  it('shows the owner of a session, its round trip, and its traffic', async () => {
    const manager = await deployment.startManager({ CULVERT_MANAGER_ID: 'busy' });
    const { id, trafficManagerId } = await sessionOf('busy');
    const preview = await deployment.createPreview((service.address() as AddressInfo).port, {
      trafficManagerId,
    });
    const answer = await visit(deployment.port, preview.hostname, '/', {
      method: 'POST',
      body: 'y'.repeat(BODY_BYTES),
    });
    expect(answer.body).toHaveLength(BODY_BYTES);
    // At the next report of the edge.
    await expect.poll(async () => (await sessionOf('busy')).receivedBytes, POLL).toBeGreaterThan(BODY_BYTES);
    const session = await sessionOf('busy');
    expect(session).toMatchObject({ id, kind: 'native', tunnelCount: 1 });
    expect(session.roundTripMs).toBeGreaterThan(0);
    expect(session.roundTripMs).toBeLessThan(10_000);
    expect(session.sentBytes).toBeGreaterThan(BODY_BYTES);
    expect(session.sentBytes).toBeLessThan(2 * BODY_BYTES);

    // The rest is reported when the tunnel closes.
    await visit(deployment.port, preview.hostname, '/');
    await manager.stop();
    await expect
      .poll(async () => (await deployment.api('GET', `/sessions/${id}`))['receivedBytes'], POLL)
      .toBeGreaterThan(2 * BODY_BYTES);
    expect(await deployment.api('GET', `/sessions/${id}`)).toMatchObject({
      state: 'disconnected',
      streamCount: 0,
      roundTripMs: null,
    });
  });

  it('lists when and why a traffic manager connected and disconnected', async () => {
    const network = await networkTo(deployment.port);
    const key = await deployment.api<{ id: string; key: string }>('POST', '/api-keys', {
      name: 'for a while',
      scopes: ['tunnel'],
    });
    const env = { CULVERT_MANAGER_ID: 'restless', CULVERT_API_KEY: key.key };
    const manager = await deployment.startManager({
      ...env,
      CULVERT_URL: `http://127.0.0.1:${network.port}`,
    });
    const { trafficManagerId } = await sessionOf('restless');
    const expected = ['connected'];
    await expect.poll(() => history(trafficManagerId), POLL).toEqual(expected);

    network.silence({ newOnesToo: false });
    // The end that notices the silence first decides which reason the edge records.
    await expect.poll(async () => (await history(trafficManagerId)).length, POLL).toBe(3);
    const afterSilence = await history(trafficManagerId);
    const closed = afterSilence.filter((change) => change !== 'connected' && change !== 'resumed');
    expect(closed).toEqual([expect.stringMatching(/^disconnected: (liveness_lost|superseded)$/)]);
    await manager.stop();
    await expect
      .poll(() => history(trafficManagerId), POLL)
      .toEqual([...afterSilence, 'disconnected: manager_stopped']);

    await deployment.startManager(env);
    await expect.poll(async () => (await history(trafficManagerId)).at(-1), POLL).toBe('resumed');
    await deployment.api('DELETE', `/api-keys/${key.id}`);
    await expect
      .poll(async () => (await history(trafficManagerId)).at(-1), POLL)
      .toBe('disconnected: credential_revoked');
  });

  it('records that a person ended a session', async () => {
    await deployment.startManager({ CULVERT_MANAGER_ID: 'unwanted' });
    const { id, trafficManagerId } = await sessionOf('unwanted');
    await deployment.api('DELETE', `/sessions/${id}`);
    await expect
      .poll(async () => (await history(trafficManagerId)).toSorted(), POLL)
      .toEqual(['connected', 'disconnected: session_ended', 'ended: session_ended']);
  });

  it('records that the edge stopped', async () => {
    await deployment.startManager({ CULVERT_MANAGER_ID: 'faithful' });
    const { trafficManagerId } = await sessionOf('faithful');
    const { id: teamId } = await deployment.api<{ id: string }>('GET', '/team');
    await deployment.program.stop();
    const store = await createStore({ databaseUrl: database.url, dataDir: 'memory' });
    const { items } = await store.connectionEvents.list(teamId, trafficManagerId, { limit: 10 });
    await store.close();
    expect(changes(items)).toEqual(['connected', 'disconnected: edge_stopped']);
  });
});
