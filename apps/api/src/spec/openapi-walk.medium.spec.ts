import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { MAX_BODY_BYTES, OPERATIONS } from '@culvert/contract';
import type { Scope } from '@culvert/domain';
import { SCOPES } from '@culvert/domain';
import { KeyRing } from '@culvert/sealing';
import { EventReader } from '@culvert/testkit';
import type { Response } from 'supertest';
import { hashPassword } from '../people/sign-in/passwords.js';
import { TestApi, type TestPerson, type TestTeam } from './api-harness.js';
import { keepExchange } from './keep-exchange.js';
import { ANSWERED, ReplayingEdge } from './replaying-edge.js';
import {
  AnswerCheck,
  operationsOf,
  type DescribedOperation,
  type OpenApiDocument,
} from './openapi-description.js';

const PASSWORD = 'correct horse battery';
const ELSEWHERE = { Origin: 'https://evil.example.test' };
const ENCRYPTION_KEYS = KeyRing.generate();
const KEEP = { count: 1, hours: 1 };
const UNKNOWN_ID = '0198c0de-0000-7000-8000-000000000000';

/** A team for each operation, with an owner who has a password. */
interface World {
  readonly team: TestTeam;
  readonly owner: TestPerson;
  /** Unique name. */
  readonly name: string;
}

describe('every operation of the OpenAPI document', () => {
  let api: TestApi;
  let document: OpenApiDocument;
  let operations: DescribedOperation[];
  let answers: AnswerCheck;
  let passwordHash: string;
  let edge: ReplayingEdge;
  const readers: EventReader[] = [];
  let count = 0;

  beforeAll(async () => {
    api = await TestApi.start({ env: { ENCRYPTION_KEYS } });
    edge = new ReplayingEdge(api.bus);
    document = (await api.http().get('/api/openapi.json')).body;
    operations = operationsOf(document);
    answers = new AnswerCheck(document);
    passwordHash = await hashPassword(PASSWORD);
  });
  afterEach(() => {
    edge.report = ANSWERED;
    for (const reader of readers.splice(0)) reader.close();
  });
  afterAll(() => api.close());

  const world = async (): Promise<World> => {
    const name = `walk-${(count += 1)}`;
    const team = await api.team(name);
    await team.trafficManager('cluster');
    const owner = await api.person(`${name}@example.test`, [[team.teamId, 'owner']]);
    await api.store.users.setPasswordHash(owner.user.id, passwordHash);
    return { team, owner, name };
  };

  const operation = (id: string): DescribedOperation => {
    const found = operations.find((listed) => listed.id === id);
    if (found === undefined) throw new Error(`the document has no operation ${id}`);
    return found;
  };

  /** Returns the ID of the resource that the operation `id` creates from its example. */
  const created = async (id: string, at: World, parameters: Record<string, string> = {}): Promise<string> => {
    const response = await send(operation(id), at, { parameters });
    if (response.status !== 201) throw new Error(`${id}: ${response.status} ${response.text}`);
    return response.body.id;
  };

  /** Values of path parameters; a missing parameter fails its operations. */
  const PARAMETERS: Record<string, (at: World, known: Record<string, string>) => string | Promise<string>> = {
    apiKeyId: (at) => created('createApiKey', at),
    code: () => 'not_found',
    exchangeId: ({ team: { teamId } }, { previewId }) =>
      keepExchange(api.store, { teamId, previewId }, ENCRYPTION_KEYS),
    deliveryId: (at, known) => created('testWebhook', at, known),
    webhookId: (at) => created('createWebhook', at),
    interceptId: ({ team, name }) => team.interceptWithRemovedPreview(name),
    invitationId: (at) => created('createInvitation', at),
    previewId: (at) => created('createPreview', at),
    previewTokenId: (at, known) => created('createPreviewToken', at, known),
    programId: async ({ team, owner }) => (await api.program(team.teamId, owner.user.id)).id,
    sessionId: async ({ team }) => (await team.session('cluster')).id,
    shareLinkId: (at, known) => created('createShareLink', at, known),
    // A second owner, so that the first one can leave.
    teamId: async ({ owner, name }) => {
      const { teamId } = await api.team(`${name}-other`);
      await api.store.users.addMembership(teamId, owner.user.id, 'owner');
      await api.person(`${name}-heir@example.test`, [[teamId, 'owner']]);
      return teamId;
    },
    trafficManagerId: (at) => created('createTrafficManager', at),
    userId: async ({ team, name }) =>
      (await api.person(`${name}-member@example.test`, [[team.teamId, 'member']])).user.id,
    workloadIdentityId: (at) => created('createWorkloadIdentity', at),
    userSessionId: async ({ owner }) => (await api.person(owner.user.email, [])).session.id,
  };

  /** Bodies that an example cannot contain: a person, a secret. */
  const BODIES: Record<string, (at: World) => object | Promise<object>> = {
    signIn: ({ owner }) => ({ email: owner.user.email }),
    acceptInvitation: async ({ owner, name }) => {
      const host = await world();
      const email = `${name}@example.test`;
      const { body } = await host.owner.request('post', '/team/invitations').send({ email, role: 'member' });
      return owner.user.email === email ? { token: body.token } : {};
    },
  };

  const parametersOf = async ({ id, pathParameters }: DescribedOperation, at: World) => {
    const known: Record<string, string> = {};
    for (const name of pathParameters) {
      const make = PARAMETERS[name];
      if (make === undefined) throw new Error(`${id} needs a fixture for {${name}}`);
      known[name] = await make(at, known);
    }
    return known;
  };

  interface Sending {
    readonly parameters: Record<string, string>;
    readonly body?: object | string;
    readonly query?: string;
    readonly as?: 'key' | 'owner' | 'nobody' | TestTeam;
    readonly headers?: Record<string, string>;
  }

  async function send(walked: DescribedOperation, at: World, sending: Sending): Promise<Response> {
    const { parameters, headers = {}, query = '' } = sending;
    const as =
      sending.as ?? (walked.access === 'person' ? 'owner' : walked.access === 'public' ? 'nobody' : 'key');
    const path = walked.path.replace(/\{(\w+)\}/g, (_, name: string) => parameters[name] ?? '') + query;
    const short = path.replace('/api/v1', '');
    const request =
      as === 'nobody'
        ? api.http()[walked.method](path)
        : as === 'owner'
          ? at.owner.request(walked.method, short, { teamId: at.team.teamId })
          : (as === 'key' ? at.team : as).request(walked.method, short);
    request.set(headers);
    const body =
      sending.body ??
      (walked.bodyExample === undefined
        ? undefined
        : { ...walked.bodyExample, ...(await BODIES[walked.id]?.(at)) });
    if (body === undefined) return request;
    return request.set('Content-Type', headers['Content-Type'] ?? 'application/json').send(body);
  }

  /** Sends a replay that an edge reports as failed. */
  const replaying = async (
    at: World,
    sending: Partial<Sending>,
    failure?: [code: string, status: number],
  ) => {
    const previewId = await created('createPreview', at);
    if (failure !== undefined) {
      const [code, status] = failure;
      edge.report = { kind: 'report', isAnswered: false, code, status, detail: 'So.', retryAfterSeconds: 1 };
    }
    return { parameters: { previewId }, ...sending };
  };

  /** Opens as many streams as one key can have. */
  const withAllStreams = async ({ team }: World, parameters: Record<string, string>) => {
    const { port } = api.app.getHttpServer().address() as AddressInfo;
    for (let i = 0; i < 20; i++)
      readers.push(
        await EventReader.open(`http://127.0.0.1:${port}/api/v1/events`, {
          authorization: `Bearer ${team.secret}`,
        }),
      );
    return { parameters };
  };

  const disabledWebhook = async (at: World) => {
    const webhookId = await created('createWebhook', at);
    const deliveryId = await created('testWebhook', at, { webhookId });
    await at.team.patch(`/webhooks/${webhookId}`, { state: 'disabled' });
    return { parameters: { webhookId, deliveryId } };
  };

  /** Errors of single operations, and how to provoke them. */
  const CONFLICTS: readonly (readonly [
    code: string,
    id: string,
    prepare: (at: World) => Partial<Sending> | Promise<Partial<Sending>>,
  ])[] = [
    ['manager_id_taken', 'createTrafficManager', () => ({ body: { managerId: 'cluster', name: 'Again' } })],
    ['last_owner', 'leaveTeam', ({ team }) => ({ parameters: { teamId: team.teamId } })],
    ['last_owner', 'removeMember', ({ owner }) => ({ as: 'owner', parameters: { userId: owner.user.id } })],
    ['last_owner', 'updateMember', ({ owner }) => ({ as: 'owner', parameters: { userId: owner.user.id } })],
    ['role_not_permitted', 'removeMember', ({ owner }) => ({ parameters: { userId: owner.user.id } })],
    [
      'role_not_permitted',
      'endMemberCredentials',
      ({ owner }) => ({ parameters: { userId: owner.user.id } }),
    ],
    ['role_not_permitted', 'updateMember', ({ owner }) => ({ parameters: { userId: owner.user.id } })],
    ['role_not_permitted', 'createInvitation', () => ({ body: { email: 'x@example.test', role: 'owner' } })],
    [
      'already_invited',
      'createInvitation',
      async (at) => {
        await created('createInvitation', at);
        return {};
      },
    ],
    [
      'api_key_not_usable',
      'rotateApiKey',
      async (at) => {
        const apiKeyId = await created('createApiKey', at);
        await send(operation('revokeApiKey'), at, { parameters: { apiKeyId } });
        return { parameters: { apiKeyId } };
      },
    ],
    ['webhook_disabled', 'testWebhook', disabledWebhook],
    ['webhook_disabled', 'redeliverWebhook', disabledWebhook],
    [
      'traffic_manager_required',
      'createIntercept',
      async ({ team }) => {
        await team.trafficManager('second');
        return {};
      },
    ],
    [
      'traffic_manager_required',
      'createPreview',
      async ({ team }) => {
        await team.trafficManager('second');
        return {};
      },
    ],
    [
      'role_not_permitted',
      'renewInvitation',
      async (at) => {
        const invitation = { email: 'x@example.test', role: 'owner' };
        const { body } = await at.owner.request('post', '/team/invitations').send(invitation);
        return { parameters: { invitationId: body.id } };
      },
    ],
    [
      'not_found',
      'createIntercept',
      () => ({ body: { ...operation('createIntercept').bodyExample, trafficManagerId: UNKNOWN_ID } }),
    ],
    [
      'not_found',
      'createPreview',
      () => ({ body: { interceptId: UNKNOWN_ID, ingress: { host: 'shop', port: 80 } } }),
    ],
    [
      'keeping_not_allowed',
      'createPreview',
      () => ({ body: { ...operation('createPreview').bodyExample, keep: KEEP } }),
    ],
    [
      'keeping_not_allowed',
      'updatePreview',
      async (at) => ({
        parameters: { previewId: await created('createPreview', at) },
        body: { keep: KEEP },
      }),
    ],
    ['not_found', 'acceptInvitation', () => ({ body: { token: 'Zm9yIGV4YW1wbGU' } })],
    [
      'sign_in_failed',
      'signIn',
      ({ owner }) => ({ body: { email: owner.user.email, password: 'wrong password' } }),
    ],
    [
      'sign_in_failed',
      'changePassword',
      () => ({ body: { currentPassword: 'wrong password', newPassword: 'wrong donkey staple' } }),
    ],
    ['exchange_not_repeatable', 'createReplay', (at) => replaying(at, { body: { exchangeId: UNKNOWN_ID } })],
    ['replay_not_accepted', 'createReplay', (at) => replaying(at, {}, ['bad_request', 431])],
    ['replay_failed', 'createReplay', (at) => replaying(at, {}, ['ingress_refused', 502])],
    ['cluster_not_connected', 'createReplay', (at) => replaying(at, {}, ['manager_unavailable', 503])],
    ['replay_timed_out', 'createReplay', (at) => replaying(at, {}, ['response_timeout', 504])],
    ['cross_site_request', 'watchChanges', () => ({ as: 'owner', headers: ELSEWHERE })],
    [
      'cross_site_request',
      'watchExchanges',
      async (at) => ({
        as: 'owner',
        headers: ELSEWHERE,
        parameters: { previewId: await created('createPreview', at) },
      }),
    ],
    ['too_many_streams', 'watchChanges', (at) => withAllStreams(at, {})],
    [
      'too_many_streams',
      'watchExchanges',
      async (at) => withAllStreams(at, { previewId: await created('createPreview', at) }),
    ],
  ];

  /** These errors need hundreds of requests, a fault of ours, or a database that hangs: specs of their own provoke them. */
  const PROVOKED_ELSEWHERE = [
    'credential_limit_reached',
    'exchange_not_readable',
    'internal_error',
    'keeping_not_available',
    'preview_limit_reached',
    'store_unavailable',
    'team_creation_restricted',
    'team_limit_reached',
    'too_many_attempts',
    'too_many_requests',
  ];

  // Names come from the table from which the document is built, so that each operation is a test of its own.
  const IDS = OPERATIONS.map(({ id }) => id);

  it('is covered by the walk', () => {
    expect(operations.map(({ id }) => id).toSorted()).toEqual(IDS.toSorted());
  });

  it.each(IDS)('does what its example requests, and responds as described: %s', async (id) => {
    const walked = operation(id);
    const callers = walked.access === 'all' ? (['key', 'owner'] as const) : [undefined];
    for (const as of callers) {
      const at = await world();
      // Checks only lists that contain something.
      const child = operations.find(
        ({ path }) => path.startsWith(`${walked.path}/{`) && path.indexOf('}') === path.length - 1,
      );
      const parameters = await parametersOf(walked, at);
      const [last] = child?.pathParameters.slice(-1) ?? [];
      if (walked.method === 'get' && last !== undefined) await PARAMETERS[last]?.(at, parameters);
      if (id === 'listAuditEvents') await created('createApiKey', at);
      const response = await send(walked, at, { parameters, ...(as === undefined ? {} : { as }) });
      expect(response.status, response.text).toBeLessThan(300);
      expect(answers.complaint(walked, response)).toBeNull();
      if (Array.isArray(response.body.items) && child !== undefined)
        expect(response.body.items).not.toEqual([]);
    }
  });

  it.each(IDS)('refuses as described: %s', async (id) => {
    const walked = operation(id);
    const at = await world();
    const parameters = await parametersOf(walked, at);
    const provoked = new Set<string>();
    const expectError = async (code: string, sending: Partial<Sending>) => {
      const response = await send(walked, at, { parameters, ...sending });
      expect([response.status < 500, response.body.code], response.text).toEqual([true, code]);
      expect(answers.complaint(walked, response)).toBeNull();
      provoked.add(code);
    };

    if (walked.access !== 'public') {
      await expectError('unauthenticated', { as: 'nobody' });
      await expectError('unauthenticated', { as: 'nobody', headers: { Authorization: 'Bearer nobody' } });
      await expectError('credentials_conflict', { as: 'key', headers: { 'X-Ambassador-Api-Key': 'other' } });
      await expectError('not_a_member', { as: 'owner', headers: { 'Culvert-Team': UNKNOWN_ID } });
      if (walked.method !== 'get') {
        await expectError('cross_site_request', {
          as: 'owner',
          headers: ELSEWHERE,
        });
      }
    }
    if (walked.access === 'person') await expectError('person_required', { as: 'key' });
    if (walked.scope !== undefined) {
      const scopes: Scope[] = SCOPES.filter((scope) => scope !== walked.scope);
      await expectError('insufficient_scope', { as: await at.team.keyWith({ scopes }) });
    }
    for (const name of walked.pathParameters) {
      await expectError('not_found', { parameters: { ...parameters, [name]: UNKNOWN_ID } });
      await expectError('not_found', { parameters: { ...parameters, [name]: 'nothing' } });
      await expectError('validation_failed', { parameters: { ...parameters, [name]: '%00' } });
      await expectError('malformed_request', { parameters: { ...parameters, [name]: '%E0%A4%A' } });
    }
    for (const name of walked.queryParameters) {
      await expectError('validation_failed', { query: `?${name}=1&${name}=2` });
    }
    if (walked.bodyExample !== undefined) {
      const { bodyExample } = walked;
      await expectError('validation_failed', { body: { ...bodyExample, surprise: 1 } });
      await expectError('malformed_request', { body: '{"name":' });
      const { maxBytes = MAX_BODY_BYTES } = OPERATIONS.find((each) => each.id === id)?.body ?? {};
      await expectError('payload_too_large', { body: { name: 'x'.repeat(maxBytes) } });
      await expectError('unsupported_media_type', {
        body: JSON.stringify(bodyExample),
        headers: { 'Content-Type': 'text/plain' },
      });
    }
    const left = walked.errorCodes.filter(
      (code) => !provoked.has(code) && !PROVOKED_ELSEWHERE.includes(code),
    );
    const conflicts = CONFLICTS.filter(([, of]) => of === id).map(([code]) => code);
    expect(left.filter((code) => !conflicts.includes(code))).toEqual([]);
    expect(conflicts.filter((code) => !left.includes(code))).toEqual([]);
  });

  it.each(CONFLICTS)('responds with %s as described: %s', async (code, id, prepare) => {
    const walked = operation(id);
    const at = await world();
    const response = await send(walked, at, { parameters: {}, ...(await prepare(at)) });
    expect(response.body.code, response.text).toBe(code);
    expect(answers.complaint(walked, response)).toBeNull();
  });
});
