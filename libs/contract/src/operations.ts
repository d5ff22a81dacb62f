/**
 * Every operation of the API. The OpenAPI document and the server's routes are both made of this table, and so are the
 * types of clients.
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

/** An operation without its route, which is in `ROUTES`. */
interface OperationDetails {
  readonly id: OperationId;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  /**
   * The scope that a key, or the role of a person, needs; `any`: whichever key or person; `user`: only a person;
   * `public`: none.
   */
  readonly access: Scope | 'any' | 'user' | 'public';
  readonly query?: z.ZodObject;
  readonly body?: {
    readonly schema: z.ZodType;
    readonly example: object;
    /** Bytes that it may have. Default: `MAX_BODY_BYTES`. */
    readonly maxBytes?: number;
  };
  readonly status: 200 | 201 | 204;
  /** Schema of a JSON body, or the type of one that is not JSON. Absent: no body. */
  readonly response?: z.ZodType | 'text/csv' | 'text/event-stream';
  /** Beyond those that follow from access, query, body and path parameters. */
  readonly errors?: readonly ErrorCode[];
}

export type Operation = OperationDetails & Route;

/** Bytes of a request body, where the operation does not say otherwise. */
export const MAX_BODY_BYTES = 262_144;

const ingress = { host: 'checkout.shop.svc.cluster.local', port: 80 };

const DETAILS = [
  {
    id: 'signIn',
    tag: 'Me',
    summary: 'Sign in with a password',
    description:
      'For programs in browsers: the answer sets the cookie of a new session. People use /sign-in.',
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
    summary: 'End the session that asks',
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
    summary: 'Show who makes the request, for which team, and what they may do',
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
    description: 'At once, open previews included.',
    access: 'user',
    status: 204,
  },
  {
    id: 'endOtherUserSessions',
    tag: 'Me',
    summary: 'Sign out all of my browsers but this one',
    access: 'user',
    status: 204,
  },

  {
    id: 'listPrograms',
    tag: 'Me',
    summary: 'List the programs that act for me',
    description:
      'What I signed in to with `culvert` or Telepresence, in whichever of my teams. Nobody else sees them.',
    access: 'user',
    query: pageQuery,
    status: 200,
    response: me.programPage,
  },
  {
    id: 'endProgram',
    tag: 'Me',
    summary: 'Have a program act for me no more',
    description:
      'At once: its tokens stop working, and what traffic managers opened with them closes. API keys that it made ' +
      'are not its tokens: revoke them too.',
    access: 'user',
    status: 204,
  },

  {
    id: 'createApiKey',
    tag: 'API keys',
    summary: 'Create an API key',
    description: 'The answer is the only one that contains the key itself.',
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
      'At once and for good, with every key that it made; tunnels opened with them end. The keys stay listed. Repeating it ' +
      'changes nothing.',
    access: 'keys:write',
    status: 204,
  },

  {
    id: 'rotateApiKey',
    tag: 'API keys',
    summary: 'Replace an API key by a new one of the same name and scopes',
    description:
      'The answer is the only one that contains the new key, which has the power of whoever asks. The old key, and keys ' +
      'that it made, work until the overlap ends. Whoever asks needs every scope of the old key. Keys of another person ' +
      'can be revoked, not rotated.',
    access: 'keys:write',
    body: { schema: apiKeys.rotateApiKeyRequest, example: { overlapSeconds: 3600 } },
    status: 201,
    response: apiKeys.createdApiKeyResource,
    errors: ['api_key_not_usable', 'team_limit_reached'],
  },

  {
    id: 'createTeam',
    tag: 'Team',
    summary: 'Create a team, whose owner I am',
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
    description: 'API keys that I made there are revoked.',
    access: 'user',
    status: 204,
    errors: ['last_owner'],
  },
  {
    id: 'acceptInvitation',
    tag: 'Team',
    summary: 'Accept an invitation to a team',
    description: 'Of the address that I sign in with; once.',
    access: 'user',
    body: { schema: team.acceptInvitationRequest, example: { token: 'Zm9yIGV4YW1wbGU' } },
    status: 200,
    response: team.acceptedInvitationResource,
    errors: ['not_found', 'team_limit_reached'],
  },
  {
    id: 'getTeam',
    tag: 'Team',
    summary: 'Show the team, its limits and what it uses of them',
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
  },
  {
    id: 'listMembers',
    tag: 'Team',
    summary: 'List the members, the first joined first',
    access: 'team:read',
    status: 200,
    response: team.memberList,
  },
  {
    id: 'updateMember',
    tag: 'Team',
    summary: 'Change the role of a member',
    description: 'API keys of theirs that can do more than the new role are revoked.',
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
      'API keys that they made are revoked; what they have open of private previews ends within a second. Share links, ' +
      'tokens and invitations that they made stay, until /credentials is deleted.',
    access: 'team:write',
    status: 204,
    errors: ['last_owner', 'role_not_permitted'],
  },
  {
    id: 'listMemberCredentials',
    tag: 'Team',
    summary: 'List what a person made in the team that still lets somebody in',
    description:
      'API keys, share links, tokens of previews and open invitations that work, newest first, at most 200. Also for a person ' +
      'who is no longer a member, as long as there is something.',
    access: 'team:write',
    status: 200,
    response: team.memberCredentialList,
  },
  {
    id: 'endMemberCredentials',
    tag: 'Team',
    summary: 'End everything that a person made in the team and that still lets somebody in',
    description:
      'At once and for good. After the member was removed nothing of theirs can be added. Repeating it changes nothing.',
    access: 'team:write',
    status: 204,
    errors: ['role_not_permitted'],
  },
  {
    id: 'createInvitation',
    tag: 'Team',
    summary: 'Invite somebody',
    description: 'For seven days. The answer is the only one that contains the token.',
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
    summary: 'Give an invitation a new token and seven days',
    description: 'The old token works no more.',
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

  {
    id: 'createTrafficManager',
    tag: 'Traffic managers',
    summary: 'Register a traffic manager ahead of its first connection',
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
      'Its tunnels close. A traffic manager that still runs registers anew, without what was deleted.',
    access: 'sessions:write',
    status: 204,
  },

  {
    id: 'listConnectionEvents',
    tag: 'Traffic managers',
    summary: 'List when a traffic manager connected and disconnected, and why',
    description:
      'Events are kept for a time that the deployment sets, 30 days unless it says otherwise. Of a traffic manager that connects again and again only some are; `omittedBefore` ' +
      'tells how many there were.',
    access: 'sessions:read',
    query: pageQuery,
    status: 200,
    response: connectionEventPage,
  },

  {
    id: 'listSessions',
    tag: 'Sessions',
    summary: 'List sessions of traffic managers',
    description: 'Sessions begin when a traffic manager opens a tunnel.',
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
      'Its tunnels close, and it is never resumed. It stays listed as ended. Repeating it changes nothing.',
    access: 'sessions:write',
    status: 204,
  },

  {
    id: 'createIntercept',
    tag: 'Intercepts',
    summary: 'Describe an intercept',
    description: 'The intercepting itself happens in the cluster.',
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
    description: 'Of an intercept that exists, or together with a new one. The hostname is chosen at random.',
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
    errors: ['not_found', 'traffic_manager_required', 'preview_limit_reached'],
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
    description: 'Each field that is present replaces the one there is as a whole. The hostname stays.',
    access: 'previews:write',
    body: { schema: previews.updatePreviewRequest, example: { access: 'public', ingress } },
    status: 200,
    response: previews.previewResource,
  },
  {
    id: 'deletePreview',
    tag: 'Previews',
    summary: 'Delete a preview',
    description:
      'Its hostname answers no more, and is not used again, unless Telepresence asked for the preview: from 2.6.0 on it ' +
      'goes on showing the URL, which is then the `removedPreview` of the intercept.',
    access: 'previews:write',
    status: 204,
  },
  {
    id: 'restorePreview',
    tag: 'Previews',
    summary: 'Restore the removed preview of an intercept',
    description:
      'For the `removedPreview` of an intercept. It gets its hostname and settings back, and a new id. It does not expire, ' +
      'and its share links and tokens stay revoked.',
    access: 'previews:write',
    status: 201,
    response: previews.previewResource,
    errors: ['preview_limit_reached'],
  },

  {
    id: 'getPreviewMetrics',
    tag: 'Previews',
    summary: 'Show what a preview was sent and answered, by the minute',
    description: 'Of at most a day. The last minute goes on; what edges count arrives within 15 seconds.',
    access: 'previews:read',
    query: previewMetricsQuery,
    status: 200,
    response: previewMetrics,
  },
  {
    id: 'listPreviewMetrics',
    tag: 'Previews',
    summary: 'Show what all previews of the team were sent, and how much of it failed',
    access: 'previews:read',
    query: previewMetricsQuery,
    status: 200,
    response: teamMetrics,
  },

  {
    id: 'watchExchanges',
    tag: 'Previews',
    summary: 'Watch what passes through a preview, as it happens',
    description:
      'Server-sent events without end: `exchange` (`Exchange`) when one begins, is answered and ends, also of the last 200 ' +
      'while anybody watches; `bodies` (`ExchangeBodies`) where they are captured; `omitted` (`OmittedExchanges`) when ' +
      'there are too many; `ready` when all that comes is heard; `reset` when some may have been missed; `end` ' +
      '(`StreamEnd`) is the last. Exchanges that the gate turns away are not among them. Secrets in heads and targets are ' +
      'masked; bodies are as they are.',
    access: 'previews:read',
    query: exchangesQuery,
    status: 200,
    response: 'text/event-stream',
    errors: ['cross_site_request', 'too_many_streams'],
  },
  {
    id: 'createReplay',
    tag: 'Previews',
    summary: 'Send a request to a preview again, or one of your own',
    description:
      'It takes the way of a visitor who was let in: through the same limits, to the same service, with the headers that the ' +
      'preview adds. The answer comes when the service has answered. Nothing is sent twice: should it fail on the way, ' +
      'whether to try again is up to the caller. Those who watch the preview see it, marked as a replay. ' +
      'A team may have 120 replays a minute.',
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
    summary: 'Create a link that opens a preview for whoever has it',
    description: 'The answer is the only one that contains the link itself.',
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
      'At once and for good: who came in by it is out. The link stays listed. Repeating it changes nothing.',
    access: 'previews:write',
    status: 204,
  },
  {
    id: 'createPreviewToken',
    tag: 'Preview access',
    summary: 'Create a token with which machines open a preview',
    description:
      'For this preview only, as `Culvert-Preview-Token` or `Authorization: Bearer`; both are removed before a ' +
      'request is forwarded. The answer is the only one that contains the token itself.',
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
    description: 'At once and for good. The token stays listed. Repeating it changes nothing.',
    access: 'previews:write',
    status: 204,
  },

  {
    id: 'watchChanges',
    tag: 'Changes',
    summary: 'Hear what changes in the team, as it happens',
    description:
      'Server-sent events without end: `ready` first; `change` (`ChangeEvent`) says what to fetch anew, of what the ' +
      'caller may read; `reset` that anything may have changed; `end` (`StreamEnd`) is the last. `Last-Event-ID` resumes ' +
      'behind that event, or resets.',
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
    summary: 'Get who changed what in the team as a table',
    description:
      'All that the filter lets through, newest first, in CSV (RFC 4180) with a line of names. A cell that a ' +
      "spreadsheet would take for a formula begins with an apostrophe (').",
    access: 'audit:read',
    query: auditEventFilter,
    status: 200,
    response: 'text/csv',
  },

  {
    id: 'getServer',
    tag: 'Documentation',
    summary: 'Show which version of Culvert answers',
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

/** The types of each operation, for typed clients. */
export type OperationTypes = { readonly [Details in (typeof DETAILS)[number] as Details['id']]: Details };
