import { OPERATIONS } from '@culvert/contract';
import type { Role } from '@culvert/domain';
import { KeyRing } from '@culvert/sealing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestApi, type TestPerson, type TestTeam } from './api-harness.js';
import { AUTHORIZATION_TABLE, CALLERS, type CallerKind, type Row } from './authorization-table.js';
import { keepExchange } from './keep-exchange.js';
import { ReplayingEdge } from './replaying-edge.js';
import { servedRoutes } from './served-routes.js';
import {
  ambassador,
  bearer,
  forgedOf,
  prepareCredentials,
  shownBy,
  type Credentials,
  type Shown,
} from './test-credentials.js';

const CHALLENGE = 'c'.repeat(43);
const AUTHORIZATION = {
  client_id: 'telepresence-cli',
  redirect_uri: 'http://localhost:1/callback',
  response_type: 'code',
  code_challenge: CHALLENGE,
  code_challenge_method: 'S256',
};
/** Bodies where the contract's example does not work; forms for routes outside the API. */
const BODIES: Readonly<Record<string, object>> = {
  'post /api/v1/api-keys': { name: 'made', scopes: ['keys:write'] },
  'post /api/v1/sign-in': {},
  'post /api/v1/me/password': {},
  'post /sso/api/apikeys': { description: 'traffic-manager' },
  'post /auth': { ...AUTHORIZATION, decision: 'deny' },
  'post /device': { user_code: 'BBBB-BBBB', decision: 'allow' },
  'post /device_authorization': {},
  'post /sign-in': {},
  'post /sign-out': {},
  'post /reset-password': {},
  'post /invitations': {},
  'post /invitations/account': {},
  'post /invitations/mail': {},
  'post /token': {},
  'post /revoke': {},
};

const WORKLOAD_IDENTITY = {
  name: 'CI',
  platform: 'github',
  conditions: [{ claim: 'repository', values: ['acme/shop'] }],
};
const ENCRYPTION_KEYS = KeyRing.generate();

/** Public addresses. */
const PATHS: Readonly<Record<string, string>> = {
  'get /api/problems/{code}': '/api/problems/not_found',
  'get /api/docs/{file}': '/api/docs/start.js',
  'get /assets/{file}': '/assets/app-0123abcd.js',
  'get /download/tel-pro/{system}/{architecture}/{version}/latest/{file}':
    '/download/tel-pro/linux/amd64/2.8.5/latest/telepresence-pro',
  'get /download/tel2/{system}/{architecture}/stable.txt': '/download/tel2/linux/amd64/stable.txt',
};

/** Routes where `Authorization` can only contain an access token. */
const TAKE_KEYS_OF_TELEPRESENCE = new Set(['get /api/userinfo', 'post /sso/api/apikeys']);

describe('the authorization table', () => {
  let api: TestApi;
  let ours: TestTeam;
  let theirs: TestTeam;
  let credentials: Credentials;
  let owner: TestPerson;
  let edge: ReplayingEdge;
  let count = 0;
  /** Resources that the next request can name. A request that changes something replaces all of them. */
  let things = new Map<string, Promise<string>>();
  let people = new Map<CallerKind, Promise<TestPerson>>();

  beforeAll(async () => {
    api = await TestApi.start({ env: { ENCRYPTION_KEYS } });
    edge = new ReplayingEdge(api.bus);
    ours = await api.team('Ours');
    theirs = await api.team('Theirs');
    // A second owner, so that owners can leave.
    for (const team of [ours, theirs])
      await api.person(`first@${team.teamId}.test`, [[team.teamId, 'owner']]);
    credentials = await prepareCredentials(api, ours);
  });
  afterAll(() => {
    edge.close();
    return api.close();
  });

  it('has a row for every route', () => {
    expect(AUTHORIZATION_TABLE.map(([route]) => route).toSorted()).toEqual(servedRoutes(api).toSorted());
  });

  it('matches what the contract requires', () => {
    const needs = new Map(AUTHORIZATION_TABLE.map(([route, scope]) => [route, scope]));
    for (const { method, path, access } of OPERATIONS) {
      expect([path, needs.get(`${method} ${path}`)]).toEqual([path, access]);
    }
  });

  it.each(AUTHORIZATION_TABLE.map((row) => [row[0], row] as const))(
    'is right about every caller of %s',
    async (_route, row) => {
      const [route, , ...statuses] = row;
      expect(statuses).toHaveLength(CALLERS.length);
      const answers: [string, number][] = [];
      const expected: [string, number][] = [];
      for (const [i, caller] of CALLERS.entries()) {
        const status = statuses[i];
        for (const [name, show] of await shownAs(caller, row)) {
          if (status === '-' || status === undefined) throw new Error(`${name} is missing of ${route}`);
          answers.push([name, await answerTo(route, await show())]);
          expected.push([name, status]);
        }
      }
      expect(Object.fromEntries(answers)).toEqual(Object.fromEntries(expected));
    },
  );

  /** Each kind of caller by name; people are created when needed. */
  async function shownAs(
    caller: CallerKind,
    [route, needs]: Row,
  ): Promise<(readonly [name: string, show: () => Promise<Shown>])[]> {
    const { nobody, keys, token, program } = credentials;
    const byKey = TAKE_KEYS_OF_TELEPRESENCE.has(route) ? ambassador : bearer;
    const always = (shown: Shown) => async (): Promise<Shown> => shown;
    switch (caller) {
      case 'nobody':
        return [...nobody].map(([name, shown]) => [name, always(shown)]);
      case 'key':
        return [...keys].flatMap(([scope, secret]) =>
          scope === needs || needs === 'any'
            ? [[`the key for ${scope}`, always(byKey(secret))] as const]
            : [],
        );
      case 'other key':
        return [...keys].flatMap(([scope, secret]) =>
          scope === needs || needs === 'any'
            ? []
            : [[`the key for ${scope}`, always(byKey(secret))] as const],
        );
      case 'token':
        return [[caller, always(token)]];
      case 'program':
        return [[caller, always(program)]];
      case 'their key':
        return [[caller, always(byKey(theirs.secret))]];
      case 'owner':
      case 'admin':
      case 'member':
        return [[caller, async () => shownBy(await person(caller, [ours.teamId, caller]))]];
      case 'teamless':
        return [[caller, async () => shownBy(await person(caller))]];
      case 'their owner':
        return [[caller, async () => shownBy(await person(caller, [theirs.teamId, 'owner']))]];
      case 'forged':
        return [[caller, async () => forgedOf(await person('owner', [ours.teamId, 'owner']))]];
    }
  }

  async function person(kind: CallerKind, ...roles: (readonly [string, Role])[]): Promise<TestPerson> {
    let made = people.get(kind);
    if (made === undefined) people.set(kind, (made = api.person(`person-${++count}@example.test`, roles)));
    const found = await made;
    if (kind === 'owner') owner = found;
    return found;
  }

  async function answerTo(route: string, shown: Shown): Promise<number> {
    const [method, template] = route.split(' ') as ['get' | 'post' | 'patch' | 'delete', string];
    let path = PATHS[route] ?? template.replace('{/*path}', '/some/page');
    for (const [parameter, name] of path.matchAll(/\{(\w+)\}/g))
      path = path.replace(parameter, await thing(name ?? ''));
    if (route === 'get /auth') path += `?${new URLSearchParams(AUTHORIZATION).toString()}`;
    if (route === 'get /preview-access') {
      const host = (await api.store.previews.find(ours.teamId, await thing('previewId')))?.hostname ?? '';
      path += `?${new URLSearchParams({ host, nonce: '0'.repeat(64), to: 'Lw' }).toString()}`;
    }
    const request = api.http()[method](path).set('Origin', 'http://localhost:8080').set(shown);
    const operation = OPERATIONS.find((each) => `${each.method} ${each.path}` === route);
    const body = (await freshBody(route)) ?? BODIES[route] ?? operation?.body?.example;
    if (body !== undefined && !path.includes('/api/')) request.type('form');
    const { status } = await (body === undefined ? request : request.send(body));
    if (method !== 'get' && status < 400) {
      things = new Map();
      people = new Map();
    }
    return status;
  }

  /** Bodies that must be new each time, or must name our resources. */
  async function freshBody(route: string): Promise<object | undefined> {
    const unique = `thing-${++count}`;
    switch (route) {
      case 'post /api/v1/team/invitations':
        return { email: `${unique}@example.test` };
      case 'post /api/v1/traffic-managers':
        return { managerId: unique };
      case 'post /api/v1/intercepts':
        return interceptBody(unique);
      case 'post /api/v1/previews':
        return previewBody(unique);
      default:
        return undefined;
    }
  }

  async function interceptBody(name: string): Promise<object> {
    return { trafficManagerId: await thing('trafficManagerId'), name, workload: 'web' };
  }

  async function previewBody(name: string): Promise<object> {
    return {
      trafficManagerId: await thing('trafficManagerId'),
      intercept: { name, workload: 'web' },
      ingress: { host: 'web', port: 80 },
    };
  }

  function thing(parameter: string): Promise<string> {
    let made = things.get(parameter);
    if (made === undefined) things.set(parameter, (made = makeThing(parameter)));
    return made;
  }

  async function makeThing(parameter: string): Promise<string> {
    const unique = `thing-${++count}`;
    switch (parameter) {
      case 'apiKeyId':
        return (await ours.keyWith({ scopes: ['keys:write'] })).apiKey.id;
      case 'webhookId': {
        // A team can have ten.
        for (const { id } of (await ours.get('/webhooks')).body.items) await ours.delete(`/webhooks/${id}`);
        return (await ours.post('/webhooks', { name: unique, url: 'https://hooks.example.com/' })).body.id;
      }
      case 'deliveryId':
        return (await ours.post(`/webhooks/${await thing('webhookId')}/test`, {})).body.id;
      case 'userSessionId':
        return (await api.person(owner.user.email, [])).session.id;
      case 'programId':
        return (await api.program(ours.teamId, owner.user.id)).id;
      case 'teamId':
        return ours.teamId;
      case 'userId':
        return (await api.person(`${unique}@example.test`, [[ours.teamId, 'member']])).user.id;
      case 'invitationId':
        return (await ours.post('/team/invitations', { email: `${unique}@example.test` })).body.id;
      case 'trafficManagerId':
        return ours.trafficManager(unique);
      case 'sessionId':
        return (await ours.session(unique)).id;
      case 'interceptId':
        return ours.interceptWithRemovedPreview(unique);
      case 'previewId':
        return (await ours.post('/previews', await previewBody(unique))).body.id;
      case 'workloadIdentityId':
        return (await ours.post('/workload-identities', WORKLOAD_IDENTITY)).body.id;
      case 'exchangeId': {
        const preview = { teamId: ours.teamId, previewId: await thing('previewId') };
        return keepExchange(api.store, preview, ENCRYPTION_KEYS);
      }
      case 'shareLinkId':
        return (await ours.post(`/previews/${await thing('previewId')}/share-links`, { name: unique })).body
          .id;
      case 'previewTokenId':
        return (await ours.post(`/previews/${await thing('previewId')}/tokens`, { name: unique })).body.id;
      default:
        return 'nothing';
    }
  }
});
