import { randomUUID } from 'node:crypto';
import { Announcer, InProcessEventBus, type ClusterEvent } from '@culvert/events';
import { AuditLog, type AuditEvent, type Store } from '@culvert/domain';
import { PreviewRules } from '@culvert/previews';
import { createStore } from '@culvert/store';
import { createTestDatabase, type TestDatabase } from '@culvert/testkit';
import pino from 'pino';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, it } from 'vitest';
import type { GrpcCaller } from './credentials.js';
import { RequestedPreviews } from './requested-previews.js';

const DOMAIN = 'preview.test';
const MAX_PREVIEWS = 3;
const NEW = {
  ingress: {
    host: 'web',
    port: 80,
    useTls: false,
    l5Host: 'web',
    verifyTls: true,
    protocol: 'http1',
    addressedAs: 'l5host',
  },
  access: 'public',
  allowedEmails: [],
  allowedDomains: [],
  displayBanner: true,
  pullRequestUrl: null,
  addRequestHeaders: { 'x-secret': 'hidden' },
  expiresAt: new Date('2100-01-01T00:00:00Z'),
} as const;

describe(RequestedPreviews.name, () => {
  let database: TestDatabase;
  let store: Store;
  const log = pino({ level: 'silent' });
  const bus = new InProcessEventBus(() => {});
  const events: ClusterEvent[] = [];
  bus.subscribe((event) => events.push(event));

  let previews: RequestedPreviews;
  /** The same rules as in the API. */
  let rules: PreviewRules;
  let caller: GrpcCaller;
  let teamId: string;
  let managerId: string;

  beforeAll(async () => {
    database = await createTestDatabase(inject('databaseUrl'), inject('migratedDatabase'));
    store = await createStore({ databaseUrl: database.url, dataDir: 'memory' });
    const settings = { public: { previewDomain: DOMAIN }, limits: { maxPreviewsPerTeam: MAX_PREVIEWS } };
    previews = new RequestedPreviews(store, settings as never, bus, log);
    const announcer = new Announcer(bus, log);
    const audit = new AuditLog(store, announcer);
    rules = new PreviewRules({ store, audit, announcer, previewDomain: DOMAIN, maxPreviews: MAX_PREVIEWS });
  });
  beforeEach(async () => {
    teamId = (await store.teams.create('Shop')).id;
    managerId = randomUUID();
    caller = {
      teamId,
      credential: { kind: 'api-key', apiKeyId: randomUUID() },
      actor: { kind: 'system', id: null, address: null },
    };
    events.length = 0;
  });
  afterAll(async () => {
    await store?.close();
    await database?.drop();
  });

  /** Makes the traffic manager ask for a preview, and returns its hostname. */
  function open(interceptId: string, change: { displayBanner?: boolean; headers?: object } = {}) {
    const spec = { name: 'web', agent: 'web', namespace: 'shop', client: interceptId, mechanismArgs: [] };
    return previews.open(caller, managerId, {
      interceptId,
      displayBanner: change.displayBanner ?? false,
      interceptSpec: spec as never,
      host: 'shop.internal',
      pullRequestUrl: '',
      addRequestHeaders: { 'x-secret': 'hidden', ...change.headers },
    });
  }

  /** Creates a preview as the API does. */
  async function make() {
    const manager = await store.trafficManagers.create(teamId, {
      managerId: randomUUID(),
      clusterId: '',
      name: 'staging',
      version: '',
    });
    const made = await rules.createWithIntercept(
      caller,
      {
        trafficManagerId: manager!.id,
        name: 'web',
        client: '',
        workload: 'web',
        workloadKind: 'Deployment',
        namespace: 'shop',
        mechanism: 'http',
        mechanismArgs: [],
        targetHost: '',
        targetPort: 0,
        serviceName: '',
        servicePortIdentifier: '',
        disposition: 'UNSPECIFIED',
        message: '',
        metadata: {},
        headers: {},
      },
      NEW,
    );
    if (!made.ok) throw new Error(made.reason);
    return made.preview;
  }

  /** Returns the entries of the audit log of one action, oldest first. */
  async function entries(action: string): Promise<AuditEvent[]> {
    const { items } = await store.auditEvents.list(teamId, { limit: 50 }, { action });
    return items.toReversed();
  }

  const shapeOf = ({ before, after }: AuditEvent) => ({
    before: before && Object.keys(before).toSorted(),
    after: after && Object.keys(after).toSorted(),
  });

  /** Changes through an edge and through the API, with the action that both record. */
  const WAYS: readonly [action: string, edge: () => Promise<unknown>, api: () => Promise<unknown>][] = [
    ['preview.create', () => open('a:web'), () => make()],
    [
      'preview.update',
      async () => {
        await open('a:web');
        await open('a:web', { displayBanner: true });
      },
      async () => rules.update(caller, (await make()).id, { displayBanner: false }),
    ],
    [
      'preview.delete',
      async () => previews.close(teamId, managerId, await open('a:web')),
      async () => rules.remove(caller, (await make()).id),
    ],
    [
      'intercept.delete',
      async () => {
        await open('a:web');
        await previews.closeIntercept(teamId, managerId, 'a:web');
      },
      async () => {
        const intercept = await store.intercepts.find(teamId, (await make()).interceptId);
        await rules.removeIntercept(caller, intercept!);
      },
    ],
  ];

  /*
   * The edge had a service of its own for this, whose entries lacked who can open a preview and when it ends: one
   * action had two shapes in the audit log.
   */
  it.each(WAYS)('records %s with the same fields as the API', async (action, edge, api) => {
    await edge();
    await api();
    const recorded = await entries(action);
    expect(recorded).toHaveLength(2);
    expect(shapeOf(recorded[0])).toEqual(shapeOf(recorded[1]));
  });

  it('records every setting of a new preview, but not the values of headers', async () => {
    await open('a:web');
    const [{ after }] = await entries('preview.create');
    expect(after).toMatchObject({
      access: 'team',
      allowedEmails: [],
      allowedDomains: [],
      allowUpgrades: false,
      expiresAt: null,
      idleExpirySeconds: null,
      endsWithSession: false,
      addRequestHeaders: ['x-secret'],
    });
    expect(JSON.stringify(after)).not.toContain('hidden');
  });

  it('records a renewal by its changes, and skips one without changes', async () => {
    await open('a:web');
    await open('a:web');
    expect(await entries('preview.update')).toEqual([]);
    await open('a:web', { headers: { 'x-secret': 'other' } });
    expect(await entries('preview.update')).toMatchObject([
      { before: { addRequestHeaders: ['x-secret'] }, after: { addRequestHeaders: ['x-secret'] } },
    ]);
  });

  it(
    'notifies the traffic manager of a preview that a person removes, but not of one that it removes ' +
      'itself',
    async () => {
      const closed = await open('a:web');
      await previews.close(teamId, managerId, closed);
      expect(events).toContainEqual({ type: 'preview.changed', hostname: closed });
      expect(events.filter(({ type }) => type === 'preview.removed')).toEqual([]);
      const removed = await make();
      await rules.remove(caller, removed.id);
      expect(events).toContainEqual(
        expect.objectContaining({ type: 'preview.removed', hostname: removed.hostname }),
      );
    },
  );

  it('refuses a preview beyond the same limit as in the API', async () => {
    await open('a:web');
    await open('b:web');
    await make();
    await expect(open('c:web')).rejects.toMatchObject({ name: 'Error', status: 8 });
    await expect(make()).rejects.toThrow('limit-reached');
  });

  it('records a collected traffic manager by its manager id', async () => {
    const hostname = await open('a:web');
    await previews.collect(new Date(Date.now() + 1000));
    expect(await entries('traffic-manager.delete')).toMatchObject([
      { before: { managerId, hostnames: [hostname] } },
    ]);
  });
});
