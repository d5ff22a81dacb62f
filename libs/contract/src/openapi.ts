import { z } from 'zod';
import * as apiKeys from './api-keys.js';
import * as auditEvents from './audit-events.js';
import * as changes from './changes.js';
import { ERRORS, ProblemError, toProblem, type ErrorCode, type Problem } from './errors.js';
import * as connectionEvents from './connection-events.js';
import * as exchanges from './exchanges.js';
import * as kept from './kept-exchanges.js';
import * as intercepts from './intercepts.js';
import * as me from './me.js';
import { OPERATIONS, type Operation } from './operations.js';
import * as previewMetrics from './preview-metrics.js';
import * as previews from './previews.js';
import * as previewCredentials from './preview-credentials.js';
import * as problems from './problems.js';
import * as replays from './replays.js';
import { serverResource } from './server.js';
import * as sessions from './sessions.js';
import * as team from './team.js';
import * as signIn from './sign-in.js';
import * as trafficManagers from './traffic-managers.js';
import * as workloadIdentities from './workload-identities.js';
import { webhookEvent } from './webhook-events.js';
import * as webhooks from './webhooks.js';

/** JSON Schema differs between input (fields with defaults can be left out) and output. */
const REQUEST_SCHEMAS = {
  SignIn: signIn.signInRequest,
  ChangePassword: signIn.changePasswordRequest,
  CreateApiKey: apiKeys.createApiKeyRequest,
  UpdateApiKey: apiKeys.updateApiKeyRequest,
  RotateApiKey: apiKeys.rotateApiKeyRequest,
  CreateWebhook: webhooks.createWebhookRequest,
  UpdateWebhook: webhooks.updateWebhookRequest,
  CreateTeam: team.createTeamRequest,
  UpdateTeam: team.updateTeamRequest,
  UpdateMember: team.updateMemberRequest,
  CreateInvitation: team.createInvitationRequest,
  AcceptInvitation: team.acceptInvitationRequest,
  CreateWorkloadIdentity: workloadIdentities.createWorkloadIdentityRequest,
  UpdateWorkloadIdentity: workloadIdentities.updateWorkloadIdentityRequest,
  TestWorkloadIdentity: workloadIdentities.testWorkloadIdentityRequest,
  CreateTrafficManager: trafficManagers.createTrafficManagerRequest,
  UpdateTrafficManager: trafficManagers.updateTrafficManagerRequest,
  InterceptDescription: intercepts.interceptDescription,
  CreateIntercept: intercepts.createInterceptRequest,
  UpdateIntercept: intercepts.updateInterceptRequest,
  IngressDescription: previews.ingressDescription,
  CreatePreview: previews.createPreviewRequest,
  UpdatePreview: previews.updatePreviewRequest,
  CreateShareLink: previewCredentials.createShareLinkRequest,
  CreatePreviewToken: previewCredentials.createPreviewTokenRequest,
  CreateReplay: replays.createReplayRequest,
};
const RESPONSE_SCHEMAS = {
  Me: me.meResource,
  Server: serverResource,
  UserSession: me.userSessionResource,
  UserSessionPage: me.userSessionPage,
  Program: me.programResource,
  ProgramPage: me.programPage,
  SignInMethods: me.signInMethodsResource,
  ApiKey: apiKeys.apiKeyResource,
  CreatedApiKey: apiKeys.createdApiKeyResource,
  Webhook: webhooks.webhookResource,
  CreatedWebhook: webhooks.createdWebhookResource,
  WebhookPage: webhooks.webhookPage,
  WebhookDelivery: webhooks.webhookDeliveryResource,
  WebhookDeliveryPage: webhooks.webhookDeliveryPage,
  WebhookDeliveryDetails: webhooks.webhookDeliveryDetails,
  ApiKeyPage: apiKeys.apiKeyPage,
  Team: team.teamResource,
  CreatedTeam: team.createdTeamResource,
  Member: team.memberResource,
  MemberList: team.memberList,
  MemberCredential: team.memberCredentialResource,
  MemberCredentialList: team.memberCredentialList,
  Invitation: team.invitationResource,
  CreatedInvitation: team.createdInvitationResource,
  InvitationPage: team.invitationPage,
  AcceptedInvitation: team.acceptedInvitationResource,
  WorkloadIdentity: workloadIdentities.workloadIdentityResource,
  WorkloadIdentityPage: workloadIdentities.workloadIdentityPage,
  WorkloadIdentityTest: workloadIdentities.workloadIdentityTestResource,
  TrafficManager: trafficManagers.trafficManagerResource,
  TrafficManagerPage: trafficManagers.trafficManagerPage,
  ConnectionEvent: connectionEvents.connectionEventResource,
  ConnectionEventPage: connectionEvents.connectionEventPage,
  Session: sessions.sessionResource,
  SessionPage: sessions.sessionPage,
  Intercept: intercepts.interceptResource,
  InterceptPage: intercepts.interceptPage,
  Ingress: previews.ingressResource,
  PullRequest: previews.pullRequestResource,
  Preview: previews.previewResource,
  PreviewPage: previews.previewPage,
  PreviewMetrics: previewMetrics.previewMetrics,
  TeamMetrics: previewMetrics.teamMetrics,
  ShareLink: previewCredentials.shareLinkResource,
  CreatedShareLink: previewCredentials.createdShareLinkResource,
  ShareLinkPage: previewCredentials.shareLinkPage,
  PreviewToken: previewCredentials.previewTokenResource,
  CreatedPreviewToken: previewCredentials.createdPreviewTokenResource,
  PreviewTokenPage: previewCredentials.previewTokenPage,
  ChangeEvent: changes.changeEvent,
  KeptExchange: kept.keptExchangeResource,
  KeptExchangePage: kept.keptExchangePage,
  Exchange: exchanges.exchange,
  ExchangeBodies: exchanges.exchangeBodies,
  OmittedExchanges: exchanges.omittedExchanges,
  ExchangeMessage: exchanges.exchangeMessage,
  OmittedMessages: exchanges.omittedMessages,
  Replay: replays.replayResource,
  StreamEnd: changes.streamEnd,
  AuditEvent: auditEvents.auditEventResource,
  AuditEventPage: auditEvents.auditEventPage,
  Problem: problems.problemResource,
  ProblemDescription: problems.problemDescription,
};

/** Increases with the contract; the path carries the major version. */
const API_VERSION = '1.0.0';

type Json = Record<string, unknown>;

/** Returned by the edge, which reads the request before the operation does. */
const TARGET_TOO_LONG: Json = {
  description: 'Path and query together are longer than the edge accepts. Nothing was changed.',
  content: {
    'application/problem+json': {
      schema: {
        type: 'object',
        required: ['type', 'title', 'status'],
        properties: { type: { type: 'string' }, title: { type: 'string' }, status: { const: 414 } },
      },
    },
  },
};

/** Returns the OpenAPI 3.1 document of the API. */
export function buildOpenApiDocument(): Json {
  const paths: Record<string, Json> = {};
  for (const operation of OPERATIONS) {
    (paths[operation.path] ??= {})[operation.method] = describeOperation(operation);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'Culvert API',
      version: API_VERSION,
      description:
        'Manages the API keys, traffic managers, intercepts and previews of one team: the team of the API ' +
        'key, or, for a signed-in person, the team that the header Culvert-Team names (default: the team ' +
        'they joined first). IDs of other teams are answered as if they did not exist. Unknown fields are ' +
        'refused.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/', description: 'This deployment' }],
    security: [{ bearer: [] }, { ambassadorApiKey: [] }, { session: [] }],
    tags: [...new Set(OPERATIONS.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    webhooks: { event: describeWebhook() },
    components: {
      responses: { TargetTooLong: TARGET_TOO_LONG },
      schemas: { ...toComponents(REQUEST_SCHEMAS, 'input'), ...toComponents(RESPONSE_SCHEMAS, 'output') },
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key, or an access token of `culvert`.',
        },
        ambassadorApiKey: {
          type: 'apiKey',
          in: 'header',
          name: 'X-Ambassador-Api-Key',
          description: 'An API key, as Telepresence sends it.',
        },
        session: {
          type: 'apiKey',
          in: 'cookie',
          name: '__Host-culvert-session',
          description: 'A signed-in person. Over plain HTTP, the cookie name has no prefix.',
        },
      },
    },
  };
}

/** Describes what webhooks receive. Its schema allows more fields, because versions of Culvert may add some. */
function describeWebhook(): Json {
  const schema = withoutDialect(z.toJSONSchema(webhookEvent, { io: 'input' }));
  return {
    post: {
      tags: ['Webhooks'],
      summary: 'An event of the team, as a webhook of the format `standard` receives it',
      description:
        'Signed by the Standard Webhooks scheme: webhook-id, webhook-timestamp and webhook-signature.',
      security: [],
      requestBody: { required: true, content: { 'application/json': { schema } } },
      responses: { '204': { description: 'The event was received. Any status of 200 to 299 says so.' } },
    },
  };
}

function describeOperation(operation: Operation): Json {
  const { access, description, body } = operation;
  const scope = needsScope(access) ? [`Needs the scope \`${access}\`.`] : [];
  const text = [description, ...scope].filter((part) => part !== undefined).join(' ');
  const parameters = [...pathParameters(operation), ...queryParameters(operation)];
  return {
    operationId: operation.id,
    tags: [operation.tag],
    summary: operation.summary,
    ...(text === '' ? {} : { description: text }),
    ...(access === 'public' ? { security: [] } : {}),
    ...(access === 'user' ? { security: [{ session: [] }] } : {}),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined
      ? {}
      : {
          requestBody: {
            required: true,
            content: { 'application/json': { schema: reference(body.schema), example: body.example } },
          },
        }),
    responses: {
      ...successResponse(operation),
      ...problemResponses(operation),
      414: { $ref: '#/components/responses/TargetTooLong' },
    },
  };
}

function pathParameters({ path }: Operation): Json[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: 'path',
    required: true,
    schema: { type: 'string', maxLength: 300 },
  }));
}

function queryParameters({ query }: Operation): Json[] {
  return Object.entries(query?.shape ?? {}).map(([name, schema]) => {
    const { description, ...json } = withoutDialect(z.toJSONSchema(schema as z.ZodType, { io: 'input' }));
    return { name, in: 'query', required: false, description, schema: json };
  });
}

function successResponse({ status, response, summary }: Operation): Json {
  if (response === undefined) return { [status]: { description: `Done: ${summary}` } };
  const content =
    typeof response === 'string'
      ? { [response]: { schema: { type: 'string' } } }
      : { 'application/json': { schema: reference(response) } };
  return { [status]: { description: summary, content } };
}

function problemResponses(operation: Operation): Json {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of errorsOf(operation)) {
    const { status } = ERRORS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      status,
      {
        description: codes.map((code) => `\`${code}\`: ${ERRORS[code].title}.`).join(' '),
        content: {
          'application/problem+json': {
            schema: { $ref: '#/components/schemas/Problem' },
            examples: Object.fromEntries(codes.map((code) => [code, { value: problemExample(code) }])),
          },
        },
      },
    ]),
  );
}

/** Returns an example of the response with this code; a real one has a detail about its request. */
function problemExample(code: ErrorCode): Problem {
  const errors =
    code === 'validation_failed' ? [{ pointer: '/name', message: 'must not be empty' }] : undefined;
  return toProblem(
    new ProblemError(code, {
      detail: ERRORS[code].description,
      ...(errors === undefined ? {} : { errors }),
    }),
    'a3c1f0de-5b1e-4c57-9d0a-2f6b8e4d7c10',
  );
}

function needsScope(access: Operation['access']): boolean {
  return access !== 'public' && access !== 'any' && access !== 'user';
}

/** Returns every code that this operation can respond with. */
export function errorsOf(operation: Operation): ErrorCode[] {
  const { access, method, path, query, body, errors = [] } = operation;
  const codes = new Set<ErrorCode>(errors);
  if (access !== 'public') codes.add('credentials_conflict').add('unauthenticated');
  if (access !== 'public' && method !== 'get') codes.add('cross_site_request');
  if (access !== 'public') codes.add('not_a_member').add('too_many_requests');
  if (access === 'user') codes.add('person_required');
  if (needsScope(access)) codes.add('insufficient_scope');
  if (path.includes('{')) codes.add('malformed_request').add('validation_failed').add('not_found');
  if (query !== undefined) codes.add('validation_failed');
  if (body !== undefined) {
    codes
      .add('malformed_request')
      .add('validation_failed')
      .add('payload_too_large')
      .add('unsupported_media_type');
  }
  return [...codes.add('store_unavailable').add('internal_error')];
}

const NAMES = new Map<z.ZodType, string>(
  Object.entries({ ...REQUEST_SCHEMAS, ...RESPONSE_SCHEMAS }).map(([name, schema]) => [schema, name]),
);

function reference(schema: z.ZodType): Json {
  const name = NAMES.get(schema);
  if (name === undefined)
    throw new Error('a schema that operations use needs a name in the OpenAPI document');
  return { $ref: `#/components/schemas/${name}` };
}

function toComponents(schemas: Readonly<Record<string, z.ZodType>>, io: 'input' | 'output'): Json {
  const registry = z.registry<{ id: string }>();
  for (const [name, schema] of Object.entries(schemas)) registry.add(schema, { id: name });
  const { schemas: generated } = z.toJSONSchema(registry, {
    io,
    uri: (name) => `#/components/schemas/${name}`,
  });
  return Object.fromEntries(
    Object.entries(generated).map(([name, schema]) => [name, withoutDialect(schema)]),
  );
}

/** Removes the dialect: OpenAPI 3.1 sets the dialect and the place of a schema itself. */
function withoutDialect(schema: Json): Json {
  const { $schema: _dialect, $id: _place, ...rest } = schema;
  return rest;
}
