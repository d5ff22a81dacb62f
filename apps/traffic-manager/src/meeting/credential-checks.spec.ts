/**
 * The meeting point judged a key only once, at the upgrade: a client with a revoked key could still create intercepts and
 * receive live requests for as long as its connection lasted.
 */
import {
  CLUSTER_PATH,
  MeetingClient,
  MeetingError,
  type InterceptDraft,
  type MeetingClientOptions,
} from '@culvert/meeting-point';
import type { TunnelEnd } from '@culvert/outbound';
import { Deferred } from '@culvert/testkit';
import { dialWebSocket, GoAwayCode } from '@culvert/tunnel';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createHttpClient } from '../culvert/culvert-api.js';
import { TestCulvert } from '../spec/test-culvert.js';
import { Authenticator } from './authenticator.js';
import { MeetingPoint } from './meeting-point.js';
import { Registry } from './registry.js';

const SECRET = 'a-secret-of-the-cluster';
const OWN = 'cvt_own';
const DEV = 'cvt_dev';
const NEVER_MS = 3_600_000;
const log = pino({ level: 'silent' });

const draft: InterceptDraft = {
  name: 'orders',
  workload: 'orders',
  namespace: 'shop',
  kind: 'Deployment',
  port: '',
  headers: [],
  targetHost: '127.0.0.1',
  targetPort: 3000,
};
const target = { host: '127.0.0.1', port: 1 };

let culvert: TestCulvert;
let now: number;
let cleanUps: (() => unknown)[];

beforeEach(async () => {
  cleanUps = [];
  now = 0;
  culvert = await TestCulvert.start();
  cleanUps.push(() => culvert.close());
  culvert.keys.set(OWN, { team: 'ours', scopes: ['tunnel'] });
  culvert.keys.set(DEV, { team: 'ours', scopes: ['intercepts:write'] });
});
afterEach(async () => {
  for (const cleanUp of cleanUps.toReversed()) await cleanUp();
});

/** @param clock clock of the authenticator: the real one, or one that stands still until `now` is changed */
async function startMeetingPoint(credentialCheckMs: number, clock?: () => number): Promise<URL> {
  const authenticator = new Authenticator(
    {
      url: culvert.url,
      apiKey: () => Promise.resolve(OWN),
      clusterSecret: SECRET,
      http: createHttpClient(),
    },
    clock,
  );
  const meetingPoint = new MeetingPoint(
    {
      port: 0,
      tls: null,
      authenticator,
      registry: new Registry({ clientGraceMs: 60_000, onChange: () => undefined }),
      culvertUrl: culvert.url.href,
      trafficManagerId: () => '',
      credentialCheckMs,
    },
    log,
  );
  const port = await meetingPoint.listen();
  cleanUps.push(() => meetingPoint.close());
  return new URL(`http://127.0.0.1:${port}`);
}

interface TestClient {
  readonly client: MeetingClient;
  readonly disconnected: Promise<TunnelEnd>;
}

async function connect(
  url: URL,
  credential: () => Promise<string>,
  options: Partial<MeetingClientOptions> = {},
): Promise<TestClient> {
  const disconnected = new Deferred<TunnelEnd>();
  const client = new MeetingClient({
    url,
    credential,
    id: 'alice',
    name: 'alice@laptop',
    version: '1',
    ...options,
    events: {
      onDisconnected: (end) => disconnected.resolve(end),
    },
  });
  cleanUps.push(() => client.close());
  await client.whenConnected();
  return { client, disconnected: disconnected.promise };
}

describe('the credential of an open tunnel', () => {
  it.each([
    ['of a developer', DEV],
    ["that is the traffic manager's own", OWN],
  ])('ends the tunnel with KEY_REVOKED after a key %s was revoked', async (_, key) => {
    const alice = await connect(await startMeetingPoint(10), () => Promise.resolve(key));
    await alice.client.create(draft, target);
    culvert.keys.delete(key);
    expect(await alice.disconnected).toMatchObject({ code: GoAwayCode.KEY_REVOKED });
  });

  it('ends the tunnel when the key has lost its scope', async () => {
    const alice = await connect(await startMeetingPoint(10), () => Promise.resolve(DEV));
    culvert.keys.set(DEV, { team: 'ours', scopes: ['intercepts:read'] });
    expect(await alice.disconnected).toMatchObject({ code: GoAwayCode.KEY_REVOKED });
  });

  it('is judged again by create, independently of the regular checks', async () => {
    const url = await startMeetingPoint(NEVER_MS, () => now);
    const alice = await connect(url, () => Promise.resolve(DEV));
    await alice.client.create(draft, target);
    culvert.keys.delete(DEV);
    now = 1000;
    await expect(alice.client.create({ ...draft, name: 'second' }, target)).rejects.toThrow(MeetingError);
    expect(await alice.disconnected).toMatchObject({ code: GoAwayCode.KEY_REVOKED });
    const again = await dialWebSocket({ url, path: CLUSTER_PATH, apiKey: DEV, timeoutMs: 5000 });
    expect(again).toMatchObject({ ok: false, status: 401 });
    const bob = await connect(url, () => Promise.resolve(SECRET), { id: 'bob' });
    expect((await bob.client.list()).intercepts).toMatchObject([
      { name: 'orders', disposition: 'NO_CLIENT' },
    ]);
  });

  it('keeps the tunnel while Culvert cannot be asked', async () => {
    const alice = await connect(await startMeetingPoint(NEVER_MS, () => now), () => Promise.resolve(DEV));
    await culvert.close();
    now = 25 * 3_600_000;
    expect((await alice.client.create(draft, target)).name).toBe('orders');
  });

  it('keeps lines behind a create in their order', async () => {
    const { client } = await connect(await startMeetingPoint(NEVER_MS, () => now), () =>
      Promise.resolve(DEV),
    );
    now = 1000;
    const created = client.create(draft, target);
    const listed = client.list();
    const { id } = await created;
    expect((await listed).intercepts).toMatchObject([{ id }]);
  });

  it('is replaced by a newer one from the client before the older one ends', async () => {
    culvert.keys.set('cvt_next', { team: 'ours', scopes: ['intercepts:write'] });
    let key = DEV;
    const url = await startMeetingPoint(NEVER_MS, () => now);
    const { client } = await connect(url, () => Promise.resolve(key), { renewMs: 5 });
    const asked = culvert.calls.length;
    key = 'cvt_next';
    await culvert.until(() => culvert.calls.length > asked);
    culvert.keys.delete(DEV);
    now = 1000;
    expect((await client.create(draft, target)).name).toBe('orders');
  });

  it('ends the tunnel when the newer one is not accepted', async () => {
    let key = DEV;
    const alice = await connect(await startMeetingPoint(NEVER_MS), () => Promise.resolve(key), {
      renewMs: 5,
    });
    key = 'cvt_unknown';
    expect(await alice.disconnected).toMatchObject({ code: GoAwayCode.KEY_REVOKED });
  });
});
