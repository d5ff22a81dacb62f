/**
 * Every operation of the API. The OpenAPI document, the server's routes and the types of clients are all derived from
 * this table.
 */
import type { Scope } from '@culvert/terms';
import type { z } from 'zod';
import * as apiKeys from './api-keys.js';
import { auditEventFilter, auditEventPage, auditEventQuery } from './audit-events.js';
import { connectionEventPage } from './connection-events.js';
import { streamQuery } from './changes.js';
import type { ErrorCode } from './errors.js';
import { exchangesQuery } from './exchanges.js';
import * as intercepts from './intercepts.js';
import * as kept from './kept-exchanges.js';
import * as me from './me.js';
import { pageQuery } from './page.js';
import { previewMetrics, previewMetricsQuery, teamMetrics } from './preview-metrics.js';
import * as previews from './previews.js';
import * as previewCredentials from './preview-credentials.js';
import { problemDescription } from './problems.js';
import { createReplayRequest, MAX_REPLAY_REQUEST_BYTES, replayResource } from './replays.js';
import { ROUTES, type OperationId, type Route } from './routes.js';
import { serverResource } from './server.js';
import * as sessions from './sessions.js';
import * as team from './team.js';
import * as signIn from './sign-in.js';
import * as trafficManagers from './traffic-managers.js';
import { WEBHOOK_OPERATIONS } from './webhook-operations.js';
import { WORKLOAD_IDENTITY_OPERATIONS } from './workload-identity-operations.js';

/** An operation without its route, which is in `ROUTES`. */
interface OperationDetails {
  readonly id: OperationId;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /**
   * Scope that a key, or the role of a person, needs; `any`: any key or person; `user`: only a person; `public`: no
   * credentials.
   */
  readonly access: Scope | 'any' | 'user' | 'public';
  readonly query?: z.ZodObject;
  readonly body?: {
    readonly schema: z.ZodType;
    readonly example: object;
    /** Maximum number of bytes of the request body. Default: `MAX_BODY_BYTES`. */
    readonly maxBytes?: number;
  };
  readonly status: 200 | 201 | 204;
  /** Schema of a JSON body, or the media type of another one. Absent: no body. */
  readonly response?: z.ZodType | 'application/har+json' | 'text/csv' | 'text/event-stream';
  /** Error codes in addition to those that follow from access, query, body and path parameters. */
  readonly errors?: readonly ErrorCode[];
}

export type Operation = OperationDetails & Route;

/** Maximum number of bytes of a request body, unless the operation sets its own limit. */
export const MAX_BODY_BYTES = 262_144;

const ingress = { host: 'checkout.shop.svc.cluster.local', port: 80 };

const DETAILS = [
  {
    id: 'signIn',
    tag: 'Me',
    summary: 'Sign in with a password',
    description:
      'For programs in browsers: the response sets the cookie of a new session. People use /sign-in.',
    access: 'public',
    body: {
      schema: signIn.signInRequest,
      example: { email: 'ann@example.com', password: 'correct horse battery' },
    },
    status: 204,
    errors: ['sign_in_failed', 'too_many_attempts'],
  },
  {
    id: 'signOut',
    tag: 'Me',
    summary: 'End the current session',
    access: 'user',
    status: 204,
  },
  {
    id: 'changePassword',
    tag: 'Me',
    summary: 'Change my password',
    description: 'Ends my other sessions.',
    access: 'user',
    body: {
      schema: signIn.changePasswordRequest,
      example: { currentPassword: 'correct horse battery', newPassword: 'wrong donkey staple' },
    },
    status: 204,
    errors: ['sign_in_failed', 'too_many_attempts'],
  },
  {
    id: 'getMe',
    tag: 'Me',
    summary: 'Show who makes the request, for which team, and with which scopes',
    access: 'any',
    status: 200,
    response: me.meResource,
  },
  {
    id: 'getSignInMethods',
    tag: 'Me',
    summary: 'Show how I can sign in',
    access: 'user',
    status: 200,
    response: me.signInMethodsResource,
  },
  {
    id: 'listUserSessions',
    tag: 'Me',
    summary: 'List where I am signed in',
    access: 'user',
    query: pageQuery,
    status: 200,
    response: me.userSessionPage,
  },
  {
    id: 'endUserSession',
    tag: 'Me',
    summary: 'Sign out one of my browsers',
    description: 'Takes effect at once, also in open previews.',
    access: 'user',
    status: 204,
  },
  {
    id: 'endOtherUserSessions',
    tag: 'Me',
    summary: 'Sign out all my browsers except this one',
    access: 'user',
    status: 204,
  },

  {
    id: 'listPrograms',
    tag: 'Me',
    summary: 'List the programs that act for me',
    description:
      'Programs that I signed in to, such as `culvert` or Telepresence, in all my teams. Only I can see ' +
      'them.',
    access: 'user',
    query: pageQuery,
    status: 200,
    response: me.programPage,
  },
  {
    id: 'endProgram',
    tag: 'Me',
    summary: "Revoke a program's access",
    description:
      "Takes effect at once: the program's tokens stop working, and tunnels that traffic managers opened " +
      'with them close. API keys that it created keep working: revoke them as well.',
    access: 'user',
    status: 204,
  },

  {
    id: 'createApiKey',
    tag: 'API keys',
    summary: 'Create an API key',
    description: 'Only this response contains the key itself.',
    access: 'keys:write',
    body: {
      schema: apiKeys.createApiKeyRequest,
      example: { name: 'CI', scopes: ['previews:read', 'previews:write'] },
    },
    status: 201,
    response: apiKeys.createdApiKeyResource,
    errors: ['team_limit_reached'],
  },
  {
    id: 'listApiKeys',
    tag: 'API keys',
    summary: 'List API keys',
    access: 'keys:read',
    query: pageQuery,
    status: 200,
    response: apiKeys.apiKeyPage,
  },
  {
    id: 'getApiKey',
    tag: 'API keys',
    summary: 'Show an API key',
    access: 'keys:read',
    status: 200,
    response: apiKeys.apiKeyResource,
  },
  {
    id: 'updateApiKey',
    tag: 'API keys',
    summary: 'Rename an API key',
    access: 'keys:write',
    body: { schema: apiKeys.updateApiKeyRequest, example: { name: 'CI of the shop' } },
    status: 200,
    response: apiKeys.apiKeyResource,
  },
  {
    id: 'revokeApiKey',
    tag: 'API keys',
    summary: 'Revoke an API key',
    description:
      'Takes effect at once and for good, also for every key that this key created; tunnels opened with ' +
      'them close. The keys stay listed. Repeating the request changes nothing.',
    access: 'keys:write',
    status: 204,
  },

  {
    id: 'rotateApiKey',
    tag: 'API keys',
    summary: 'Replace an API key with a new one that has the same name and scopes',
    description:
      'Only this response contains the new key, which has the permissions of the caller. The old key, and ' +
      'keys that it created, work until the overlap ends. The caller needs every scope of the old key. ' +
      'Keys of another person can be revoked, but not rotated.',
    access: 'keys:write',
    body: { schema: apiKeys.rotateApiKeyRequest, example: { overlapSeconds: 3600 } },
    status: 201,
    response: apiKeys.createdApiKeyResource,
    errors: ['api_key_not_usable', 'team_limit_reached'],
  },

  {
    id: 'createTeam',
    tag: 'Team',
    summary: 'Create a team that I own',
    access: 'user',
    body: { schema: team.createTeamRequest, example: { name: 'Shop' } },
    status: 201,
    response: team.createdTeamResource,
    errors: ['team_creation_restricted', 'team_limit_reached'],
  },
  {
    id: 'leaveTeam',
    tag: 'Team',
    summary: 'Leave a team',
    description: 'Revokes the API keys that I created in the team.',
    access: 'user',
    status: 204,
    errors: ['last_owner'],
  },
  {
    id: 'acceptInvitation',
    tag: 'Team',
    summary: 'Accept an invitation to a team',
    description: 'Works once, for the address that I sign in with.',
    access: 'user',
    body: { schema: team.acceptInvitationRequest, example: { token: 'Zm9yIGV4YW1wbGU' } },
    status: 200,
    response: team.acceptedInvitationResource,
    errors: ['not_found', 'team_limit_reached'],
  },
  {
    id: 'getTeam',
    tag: 'Team',
    summary: 'Show the team, its limits and its use of them',
    access: 'team:read',
    status: 200,
    response: team.teamResource,
  },
  {
    id: 'updateTeam',
    tag: 'Team',
    summary: 'Change the team',
    access: 'team:write',
    body: { schema: team.updateTeamRequest, example: { name: 'Shop', previewIdleExpirySeconds: 604800 } },
    status: 200,
    response: team.teamResource,
    errors: ['keeping_not_available'],
  },
  {
    id: 'listMembers',
    tag: 'Team',
    summary: 'List the members in the order in which they joined',
    access: 'team:read',
    status: 200,
    response: team.memberList,
  },
  {
    id: 'updateMember',
    tag: 'Team',
    summary: 'Change the role of a member',
    description: 'Revokes API keys of the member that have scopes beyond the new role.',
    access: 'team:write',
    body: { schema: team.updateMemberRequest, example: { role: 'admin' } },
    status: 200,
    response: team.memberResource,
    errors: ['last_owner', 'role_not_permitted'],
  },
  {
    id: 'removeMember',
    tag: 'Team',
    summary: 'Remove a member',
    description:
      'Revokes the API keys that the member created and closes their open connections to private previews ' +
      'within a second. Share links, tokens and invitations that they created keep working until ' +
      '/credentials is deleted. Workload identities that they created stay: they belong to the team.',
    access: 'team:write',
    status: 204,
    errors: ['last_owner', 'role_not_permitted'],
  },
  {
    id: 'listMemberCredentials',
    tag: 'Team',
    summary: 'List credentials that a person created in the team and that still work',
    description:
      'Working API keys, share links, preview tokens and open invitations, newest first, at most 200. Also ' +
      'for a former member, as long as they have any.',
    access: 'team:write',
    status: 200,
    response: team.memberCredentialList,
  },
  {
    id: 'endMemberCredentials',
    tag: 'Team',
    summary: 'Revoke all credentials that a person created in the team',
    description:
      'Takes effect at once and for good. A person who was removed before cannot create more. Repeating ' +
      'the request changes nothing.',
    access: 'team:write',
    status: 204,
    errors: ['role_not_permitted'],
  },
  {
    id: 'createInvitation',
    tag: 'Team',
    summary: 'Invite a person',
    description: 'The invitation is open for seven days. Only this response contains the token.',
    access: 'team:write',
    body: { schema: team.createInvitationRequest, example: { email: 'jo@example.com', role: 'member' } },
    status: 201,
    response: team.createdInvitationResource,
    errors: ['already_invited', 'role_not_permitted', 'team_limit_reached', 'too_many_attempts'],
  },
  {
    id: 'listInvitations',
    tag: 'Team',
    summary: 'List open invitations',
    access: 'team:read',
    query: pageQuery,
    status: 200,
    response: team.invitationPage,
  },
  {
    id: 'renewInvitation',
    tag: 'Team',
    summary: 'Renew an invitation with a new token for seven days',
    description: 'The old token stops working.',
    access: 'team:write',
    status: 200,
    response: team.createdInvitationResource,
    errors: ['role_not_permitted', 'too_many_attempts'],
  },
  {
    id: 'revokeInvitation',
    tag: 'Team',
    summary: 'Revoke an invitation',
    access: 'team:write',
    status: 204,
  },

  ...WORKLOAD_IDENTITY_OPERATIONS,

  {
    id: 'createTrafficManager',
    tag: 'Traffic managers',
    summary: 'Register a traffic manager before it first connects',
    access: 'sessions:write',
    body: {
      schema: trafficManagers.createTrafficManagerRequest,
      example: { managerId: 'staging', name: 'Staging cluster' },
    },
    status: 201,
    response: trafficManagers.trafficManagerResource,
    errors: ['manager_id_taken'],
  },
  {
    id: 'listTrafficManagers',
    tag: 'Traffic managers',
    summary: 'List traffic managers',
    access: 'sessions:read',
    query: pageQuery,
    status: 200,
    response: trafficManagers.trafficManagerPage,
  },
  {
    id: 'getTrafficManager',
    tag: 'Traffic managers',
    summary: 'Show a traffic manager',
    access: 'sessions:read',
    status: 200,
    response: trafficManagers.trafficManagerResource,
  },
  {
    id: 'updateTrafficManager',
    tag: 'Traffic managers',
    summary: 'Rename a traffic manager',
    access: 'sessions:write',
    body: { schema: trafficManagers.updateTrafficManagerRequest, example: { name: 'Staging cluster' } },
    status: 200,
    response: trafficManagers.trafficManagerResource,
  },
  {
    id: 'deleteTrafficManager',
    tag: 'Traffic managers',
    summary: 'Delete a traffic manager with its sessions, intercepts and previews',
    description:
      'Its tunnels close. A traffic manager that still runs registers again, but what was deleted does not ' +
      'come back.',
    access: 'sessions:write',
    status: 204,
  },

  {
    id: 'listConnectionEvents',
    tag: 'Traffic managers',
    summary: 'List when and why a traffic manager connected and disconnected',
    description:
      'Events are kept for a time that the deployment sets (default: 30 days). If a traffic manager ' +
      'reconnects often, some events are left out; `omittedBefore` counts them.',
    access: 'sessions:read',
    query: pageQuery,
    status: 200,
    response: connectionEventPage,
  },

  {
    id: 'listSessions',
    tag: 'Sessions',
    summary: 'List sessions of traffic managers',
    description: 'A session begins when a traffic manager opens a tunnel.',
    access: 'sessions:read',
    query: sessions.sessionQuery,
    status: 200,
    response: sessions.sessionPage,
  },
  {
    id: 'getSession',
    tag: 'Sessions',
    summary: 'Show a session',
    access: 'sessions:read',
    status: 200,
    response: sessions.sessionResource,
  },
  {
    id: 'endSession',
    tag: 'Sessions',
    summary: 'End a session',
    description:
      'Closes its tunnels. The session is never resumed and stays listed as ended. Repeating the request ' +
      'changes nothing.',
    access: 'sessions:write',
    status: 204,
  },

  {
    id: 'createIntercept',
    tag: 'Intercepts',
    summary: 'Create an intercept',
    description: 'Describes an intercept to Culvert. The cluster does the intercepting.',
    access: 'intercepts:write',
    body: {
      schema: intercepts.createInterceptRequest,
      example: { name: 'checkout', workload: 'checkout', namespace: 'shop', client: 'ann@laptop' },
    },
    status: 201,
    response: intercepts.interceptResource,
    errors: ['not_found', 'traffic_manager_required'],
  },
  {
    id: 'listIntercepts',
    tag: 'Intercepts',
    summary: 'List intercepts',
    access: 'intercepts:read',
    query: intercepts.interceptQuery,
    status: 200,
    response: intercepts.interceptPage,
  },
  {
    id: 'getIntercept',
    tag: 'Intercepts',
    summary: 'Show an intercept',
    access: 'intercepts:read',
    status: 200,
    response: intercepts.interceptResource,
  },
  {
    id: 'updateIntercept',
    tag: 'Intercepts',
    summary: 'Change an intercept',
    access: 'intercepts:write',
    body: { schema: intercepts.updateInterceptRequest, example: { disposition: 'ACTIVE' } },
    status: 200,
    response: intercepts.interceptResource,
  },
  {
    id: 'deleteIntercept',
    tag: 'Intercepts',
    summary: 'Delete an intercept with its previews',
    access: 'intercepts:write',
    status: 204,
  },

  {
    id: 'createPreview',
    tag: 'Previews',
    summary: 'Create a preview',
    description: 'For an existing intercept, or together with a new one. The hostname is random.',
    access: 'previews:write',
    body: {
      schema: previews.createPreviewRequest,
      example: {
        intercept: { name: 'checkout', workload: 'checkout', namespace: 'shop' },
        ingress,
        access: 'team',
        pullRequestUrl: 'https://git.example.com/shop/checkout/pull/17',
        addRequestHeaders: { 'x-feature': 'new-basket' },
      },
    },
    status: 201,
    response: previews.previewResource,
    errors: [
      'not_found',
      'traffic_manager_required',
      'preview_limit_reached',
      'keeping_not_allowed',
      'keeping_not_available',
    ],
  },
  {
    id: 'listPreviews',
    tag: 'Previews',
    summary: 'List previews',
    access: 'previews:read',
    query: previews.previewQuery,
    status: 200,
    response: previews.previewPage,
  },
  {
    id: 'getPreview',
    tag: 'Previews',
    summary: 'Show a preview',
    access: 'previews:read',
    status: 200,
    response: previews.previewResource,
  },
  {
    id: 'updatePreview',
    tag: 'Previews',
    summary: 'Change a preview',
    description: 'A field that is present is replaced as a whole. The hostname stays.',
    access: 'previews:write',
    body: { schema: previews.updatePreviewRequest, example: { access: 'public', ingress } },
    status: 200,
    response: previews.previewResource,
    errors: ['keeping_not_allowed', 'keeping_not_available'],
  },
  {
    id: 'deletePreview',
    tag: 'Previews',
    summary: 'Delete a preview',
    description:
      'Its hostname stops working and is never reused. Exception: Telepresence 2.6.0 and later keeps ' +
      'showing the URL of a preview that it asked for, which then becomes the `removedPreview` of the ' +
      'intercept.',
    access: 'previews:write',
    status: 204,
  },
  {
    id: 'restorePreview',
    tag: 'Previews',
    summary: 'Restore the removed preview of an intercept',
    description:
      'Restores the `removedPreview` of an intercept with its hostname and settings, and a new ID. It does ' +
      'not expire. Its share links and tokens stay revoked.',
    access: 'previews:write',
    status: 201,
    response: previews.previewResource,
    errors: ['preview_limit_reached'],
  },

  {
    id: 'getPreviewMetrics',
    tag: 'Previews',
    summary: 'Show the traffic of a preview by the minute',
    description:
      'Covers at most a day. The last minute is still incomplete: counts from edges arrive within 15 ' +
      'seconds.',
    access: 'previews:read',
    query: previewMetricsQuery,
    status: 200,
    response: previewMetrics,
  },
  {
    id: 'listPreviewMetrics',
    tag: 'Previews',
    summary: 'Show the traffic and failures of all previews of the team',
    access: 'previews:read',
    query: previewMetricsQuery,
    status: 200,
    response: teamMetrics,
  },

  {
    id: 'watchExchanges',
    tag: 'Previews',
    summary: 'Watch the traffic of a preview live',
    description:
      'Server-sent events without end: `exchange` (`Exchange`) when an exchange begins, is answered and ' +
      'ends, including the last 200 while anyone watches; `bodies` (`ExchangeBodies`) if bodies are ' +
      'captured, and then also `message` (`ExchangeMessage`) for each message of a WebSocket, a gRPC call or a ' +
      'stream of events, and `messages_omitted` (`OmittedMessages`) if these are too many; `omitted` (`OmittedExchanges`) if there are too many; `ready` once every new exchange is ' +
      'received; `reset` if some may have been missed; `end` (`StreamEnd`) comes last. Exchanges that the ' +
      'gate turns away are not included. Secrets in heads and targets are masked; bodies and messages are unchanged.',
    access: 'previews:read',
    query: exchangesQuery,
    status: 200,
    response: 'text/event-stream',
    errors: ['cross_site_request', 'too_many_streams'],
  },
  {
    id: 'listKeptExchanges',
    tag: 'Previews',
    summary: 'Search the kept exchanges of a preview',
    description:
      'Newest first. Kept exchanges are encrypted, so that a search reads them one by one: a page can have fewer ' +
      'items than asked for, even none, and still have a `nextCursor`, which continues the search. The audit log ' +
      'records who reads.',
    access: 'previews:read',
    query: kept.keptExchangeQuery,
    status: 200,
    response: kept.keptExchangePage,
    errors: ['keeping_not_available'],
  },
  {
    id: 'getKeptExchange',
    tag: 'Previews',
    summary: 'Show a kept exchange',
    access: 'previews:read',
    query: kept.keptBodiesQuery,
    status: 200,
    response: kept.keptExchangeResource,
    errors: ['keeping_not_available', 'exchange_not_readable'],
  },
  {
    id: 'exportKeptExchanges',
    tag: 'Previews',
    summary: 'Export the kept exchanges of a preview as an HTTP Archive',
    description:
      'HAR 1.2, newest first, at most 64 MiB: `log.comment` says how many are left out. The parameters select ' +
      'exchanges as in the list.',
    access: 'previews:read',
    query: kept.keptExchangeFilter,
    status: 200,
    response: 'application/har+json',
    errors: ['keeping_not_available'],
  },
  {
    id: 'deleteKeptExchange',
    tag: 'Previews',
    summary: 'Delete a kept exchange',
    access: 'previews:write',
    status: 204,
  },
  {
    id: 'deleteKeptExchanges',
    tag: 'Previews',
    summary: 'Delete all kept exchanges of a preview',
    access: 'previews:write',
    status: 204,
  },
  {
    id: 'createReplay',
    tag: 'Previews',
    summary: 'Send a recorded or a new request to a preview',
    description:
      'The request passes the same limits, service and added headers as that of a visitor who was let in. ' +
      'The response arrives when the service has answered. Nothing is sent twice: if the request fails on ' +
      'the way, the caller decides whether to try again. People who watch the preview see it, marked as a ' +
      'replay. A team can send 120 replays a minute.',
    access: 'previews:write',
    body: {
      schema: createReplayRequest,
      example: {
        method: 'POST',
        target: '/basket',
        headers: [{ name: 'content-type', value: 'application/json' }],
        body: { text: '{"article":17}' },
      },
      maxBytes: MAX_REPLAY_REQUEST_BYTES,
    },
    status: 200,
    response: replayResource,
    errors: [
      'exchange_not_repeatable',
      'replay_not_accepted',
      'replay_failed',
      'cluster_not_connected',
      'replay_timed_out',
    ],
  },

  {
    id: 'createShareLink',
    tag: 'Preview access',
    summary: 'Create a share link, which opens a preview for anyone who has it',
    description: 'Only this response contains the link itself.',
    access: 'previews:write',
    body: { schema: previewCredentials.createShareLinkRequest, example: { name: 'For the client' } },
    status: 201,
    response: previewCredentials.createdShareLinkResource,
    errors: ['credential_limit_reached'],
  },
  {
    id: 'listShareLinks',
    tag: 'Preview access',
    summary: 'List the share links of a preview',
    access: 'previews:read',
    query: pageQuery,
    status: 200,
    response: previewCredentials.shareLinkPage,
  },
  {
    id: 'revokeShareLink',
    tag: 'Preview access',
    summary: 'Revoke a share link',
    description:
      'Takes effect at once and for good: visitors who used the link lose access. The link stays listed. ' +
      'Repeating the request changes nothing.',
    access: 'previews:write',
    status: 204,
  },
  {
    id: 'createPreviewToken',
    tag: 'Preview access',
    summary: 'Create a token with which programs open a preview',
    description:
      'Works for this preview only. Send it as `Culvert-Preview-Token` or `Authorization: Bearer`; both ' +
      'are removed before a request is forwarded. Only this response contains the token itself.',
    access: 'previews:write',
    body: { schema: previewCredentials.createPreviewTokenRequest, example: { name: 'End-to-end tests' } },
    status: 201,
    response: previewCredentials.createdPreviewTokenResource,
    errors: ['credential_limit_reached'],
  },
  {
    id: 'listPreviewTokens',
    tag: 'Preview access',
    summary: 'List the tokens of a preview',
    access: 'previews:read',
    query: pageQuery,
    status: 200,
    response: previewCredentials.previewTokenPage,
  },
  {
    id: 'revokePreviewToken',
    tag: 'Preview access',
    summary: 'Revoke a token of a preview',
    description:
      'Takes effect at once and for good. The token stays listed. Repeating the request changes nothing.',
    access: 'previews:write',
    status: 204,
  },

  ...WEBHOOK_OPERATIONS,

  {
    id: 'watchChanges',
    tag: 'Changes',
    summary: 'Watch changes in the team live',
    description:
      'Server-sent events without end: `ready` comes first; `change` (`ChangeEvent`) says what to fetch ' +
      'again, limited to what the caller can read; `reset` says that anything may have changed; `end` ' +
      '(`StreamEnd`) comes last. `Last-Event-ID` resumes after that event, or causes a reset.',
    access: 'team:read',
    query: streamQuery,
    status: 200,
    response: 'text/event-stream',
    errors: ['cross_site_request', 'too_many_streams'],
  },

  {
    id: 'listAuditEvents',
    tag: 'Audit events',
    summary: 'List who changed what in the team',
    access: 'audit:read',
    query: auditEventQuery,
    status: 200,
    response: auditEventPage,
  },
  {
    id: 'exportAuditEvents',
    tag: 'Audit events',
    summary: 'Export who changed what in the team as a table',
    description:
      'Every event that matches the filter, newest first, as CSV (RFC 4180) with a header line. A cell ' +
      "that a spreadsheet would read as a formula begins with an apostrophe (').",
    access: 'audit:read',
    query: auditEventFilter,
    status: 200,
    response: 'text/csv',
  },

  {
    id: 'getServer',
    tag: 'Documentation',
    summary: 'Show the version of Culvert',
    access: 'any',
    status: 200,
    response: serverResource,
  },
  {
    id: 'getProblem',
    tag: 'Documentation',
    summary: 'Explain an error code',
    access: 'public',
    status: 200,
    response: problemDescription,
  },
] as const satisfies readonly OperationDetails[];

export const OPERATIONS: readonly Operation[] = DETAILS.map((details) => ({
  ...ROUTES[details.id],
  ...details,
}));

/** Types of each operation, for typed clients. */
export type OperationTypes = { readonly [Details in (typeof DETAILS)[number] as Details['id']]: Details };
