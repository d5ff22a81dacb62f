/**
 * The status of every route for each kind of caller. Written by hand, not derived: if the server disagrees, one of the
 * two is wrong. A route that is missing here fails `authorization.medium.spec.ts`.
 */
import type { Scope } from '@culvert/domain';

/** What a route requires: a scope; `any` key; a person (`user`); nothing (`public`). */
export type Needs = Scope | 'any' | 'user' | 'public';

/** Columns of the table. IDs in a path belong to the team of `owner`. */
export const CALLERS = [
  /** Without a credential, or with one that is unknown, expired or revoked. */
  'nobody',
  /** A key with only the needed scope; `-` where no scope is needed. */
  'key',
  /** Keys with each single scope except the needed one. */
  'other key',
  /** The access token of a Telepresence client that an owner allowed to act for them. */
  'token',
  /** The access token of `culvert` that an owner allowed to act for them. */
  'program',
  'owner',
  'admin',
  'member',
  /** A signed-in person without a team. */
  'teamless',
  /** A key of another team, with every scope. */
  'their key',
  'their owner',
  /** The owner, whose browser sent the request for a page of another host. */
  'forged',
] as const;
export type CallerKind = (typeof CALLERS)[number];

type Status = number | '-';
export type Row = readonly [route: string, needs: Needs, ...statuses: readonly Status[]];

/*
 * Rules of the statuses:
 * - Resources of another team do not exist (404); a list shows the caller's own team (200).
 * - A known person or key without permission gets 403; an unknown caller gets 401 or, at a page, a redirect to the
 *   sign-in (303).
 * - People have the scopes of their role; `user` routes are only for them, whatever a key has.
 * - A program has the scopes of a member, for one person in one team, and cannot use routes that need a person.
 * - A member can change only their own keys: the keys here belong to the operator.
 * - A browser cannot change anything or hold a stream for a page of another host (403); CORS decides what a page may read.
 * - The credential of a program at `/token` is in its form; this one is empty.
 * - Telepresence's own routes accept its keys and tokens, but no cookies. A key created there has no scope that its creator
 *   lacks: a key with only `keys:write` has none to give.
 * - A workload identity cannot have a scope that the caller lacks: a key with only `team:write` can create or change none.
 */
// prettier-ignore
export const AUTHORIZATION_TABLE: readonly Row[] = [
  //                                                                                 nob.    key  other  token  prog.  owner  admin  memb.  no tm  their  their  forg.
  //                                                                                                key                                              key  owner       
  // The API
  ['delete /api/v1/me/sessions',                                 'user',               401,   '-',   403,   401,   403,   204,   204,   204,   204,   403,   204,   403],
  ['delete /api/v1/me/sessions/{userSessionId}',                 'user',               401,   '-',   403,   401,   403,   204,   404,   404,   404,   403,   404,   403],
  ['delete /api/v1/me/programs/{programId}',                     'user',               401,   '-',   403,   401,   403,   204,   404,   404,   404,   403,   404,   403],
  ['get /api/v1/me/programs',                                    'user',               401,   '-',   403,   401,   403,   200,   200,   200,   200,   403,   200,   200],
  ['get /api/v1/me',                                             'any',                401,   200,   200,   401,   200,   200,   200,   200,   200,   200,   200,   200],
  ['get /api/v1/server',                                         'any',                401,   200,   200,   401,   200,   200,   200,   200,   200,   200,   200,   200],
  ['get /api/v1/me/sessions',                                    'user',               401,   '-',   403,   401,   403,   200,   200,   200,   200,   403,   200,   200],
  ['get /api/v1/me/sign-in-methods',                             'user',               401,   '-',   403,   401,   403,   200,   200,   200,   200,   403,   200,   200],
  ['post /api/v1/sign-in',                                       'public',             400,   '-',   400,   400,   400,   400,   400,   400,   400,   400,   400,   400],
  ['post /api/v1/sign-out',                                      'user',               401,   '-',   403,   401,   403,   204,   204,   204,   204,   403,   204,   403],
  ['post /api/v1/me/password',                                   'user',               401,   '-',   403,   401,   403,   400,   400,   400,   400,   403,   400,   403],
  ['post /api/v1/api-keys',                                      'keys:write',         401,   201,   403,   401,   201,   201,   201,   201,   403,   201,   201,   403],
  ['get /api/v1/api-keys',                                       'keys:read',          401,   200,   403,   401,   200,   200,   200,   200,   403,   200,   200,   200],
  ['get /api/v1/api-keys/{apiKeyId}',                            'keys:read',          401,   200,   403,   401,   200,   200,   200,   200,   403,   404,   404,   200],
  ['patch /api/v1/api-keys/{apiKeyId}',                          'keys:write',         401,   200,   403,   401,   403,   200,   200,   403,   403,   404,   404,   403],
  ['post /api/v1/api-keys/{apiKeyId}/rotate',                    'keys:write',         401,   201,   403,   401,   403,   201,   201,   403,   403,   404,   404,   403],
  ['delete /api/v1/api-keys/{apiKeyId}',                         'keys:write',         401,   204,   403,   401,   403,   204,   204,   403,   403,   404,   404,   403],
  ['post /api/v1/teams',                                         'user',               401,   '-',   403,   401,   403,   201,   201,   201,   201,   403,   201,   403],
  ['delete /api/v1/teams/{teamId}/membership',                   'user',               401,   '-',   403,   401,   403,   204,   204,   204,   404,   403,   404,   403],
  ['post /api/v1/invitations/accept',                            'user',               401,   '-',   403,   401,   403,   404,   404,   404,   404,   403,   404,   403],
  ['get /api/v1/team',                                           'team:read',          401,   200,   403,   401,   200,   200,   200,   200,   403,   200,   200,   200],
  ['patch /api/v1/team',                                         'team:write',         401,   200,   403,   401,   403,   200,   200,   403,   403,   200,   200,   403],
  ['get /api/v1/team/members',                                   'team:read',          401,   200,   403,   401,   200,   200,   200,   200,   403,   200,   200,   200],
  ['patch /api/v1/team/members/{userId}',                        'team:write',         401,   200,   403,   401,   403,   200,   200,   403,   403,   404,   404,   403],
  ['delete /api/v1/team/members/{userId}',                       'team:write',         401,   204,   403,   401,   403,   204,   204,   403,   403,   404,   404,   403],
  ['get /api/v1/team/members/{userId}/credentials',              'team:write',         401,   200,   403,   401,   403,   200,   200,   403,   403,   404,   404,   200],
  ['delete /api/v1/team/members/{userId}/credentials',           'team:write',         401,   204,   403,   401,   403,   204,   204,   403,   403,   404,   404,   403],
  ['post /api/v1/team/invitations',                              'team:write',         401,   201,   403,   401,   403,   201,   201,   403,   403,   201,   201,   403],
  ['get /api/v1/team/invitations',                               'team:read',          401,   200,   403,   401,   200,   200,   200,   200,   403,   200,   200,   200],
  ['post /api/v1/team/invitations/{invitationId}/renew',         'team:write',         401,   200,   403,   401,   403,   200,   200,   403,   403,   404,   404,   403],
  ['delete /api/v1/team/invitations/{invitationId}',             'team:write',         401,   204,   403,   401,   403,   204,   204,   403,   403,   404,   404,   403],
  ['post /api/v1/workload-identities',                           'team:write',         401,   403,   403,   401,   403,   201,   201,   403,   403,   201,   201,   403],
  ['get /api/v1/workload-identities',                            'team:read',          401,   200,   403,   401,   200,   200,   200,   200,   403,   200,   200,   200],
  ['get /api/v1/workload-identities/{workloadIdentityId}',       'team:read',          401,   200,   403,   401,   200,   200,   200,   200,   403,   404,   404,   200],
  ['patch /api/v1/workload-identities/{workloadIdentityId}',     'team:write',         401,   403,   403,   401,   403,   200,   200,   403,   403,   404,   404,   403],
  ['delete /api/v1/workload-identities/{workloadIdentityId}',    'team:write',         401,   204,   403,   401,   403,   204,   204,   403,   403,   404,   404,   403],
  ['post /api/v1/workload-identities/{workloadIdentityId}/test', 'team:write',         401,   200,   403,   401,   403,   200,   200,   403,   403,   404,   404,   403],
  ['post /api/v1/traffic-managers',                              'sessions:write',     401,   201,   403,   401,   201,   201,   201,   201,   403,   201,   201,   403],
  ['get /api/v1/traffic-managers',                               'sessions:read',      401,   200,   403,   401,   200,   200,   200,   200,   403,   200,   200,   200],
  ['get /api/v1/traffic-managers/{trafficManagerId}',            'sessions:read',      401,   200,   403,   401,   200,   200,   200,   200,   403,   404,   404,   200],
  ['patch /api/v1/traffic-managers/{trafficManagerId}',          'sessions:write',     401,   200,   403,   401,   200,   200,   200,   200,   403,   404,   404,   403],
  ['delete /api/v1/traffic-managers/{trafficManagerId}',         'sessions:write',     401,   204,   403,   401,   204,   204,   204,   204,   403,   404,   404,   403],
  ['get /api/v1/traffic-managers/{trafficManagerId}/connections','sessions:read',      401,   200,   403,   401,   200,   200,   200,   200,   403,   404,   404,   200],
  ['post /api/v1/intercepts',                                    'intercepts:write',   401,   201,   403,   401,   201,   201,   201,   201,   403,   404,   404,   403],
  ['get /api/v1/intercepts',                                     'intercepts:read',    401,   200,   403,   401,   200,   200,   200,   200,   403,   200,   200,   200],
  ['get /api/v1/intercepts/{interceptId}',                       'intercepts:read',    401,   200,   403,   401,   200,   200,   200,   200,   403,   404,   404,   200],
  ['patch /api/v1/intercepts/{interceptId}',                     'intercepts:write',   401,   200,   403,   401,   200,   200,   200,   200,   403,   404,   404,   403],
  ['delete /api/v1/intercepts/{interceptId}',                    'intercepts:write',   401,   204,   403,   401,   204,   204,   204,   204,   403,   404,   404,   403],
  ['post /api/v1/intercepts/{interceptId}/restore-preview',      'previews:write',     401,   201,   403,   401,   201,   201,   201,   201,   403,   404,   404,   403],
  ['post /api/v1/previews',                                      'previews:write',     401,   201,   403,   401,   201,   201,   201,   201,   403,   404,   404,   403],
  ['get /api/v1/previews',                                       'previews:read',      401,   200,   403,   401,   200,   200,   200,   200,   403,   200,   200,   200],
  ['get /api/v1/previews/{previewId}',                           'previews:read',      401,   200,   403,   401,   200,   200,   200,   200,   403,   404,   404,   200],
  ['patch /api/v1/previews/{previewId}',                         'previews:write',     401,   200,   403,   401,   200,   200,   200,   200,   403,   404,   404,   403],
  ['delete /api/v1/previews/{previewId}',                        'previews:write',     401,   204,   403,   401,   204,   204,   204,   204,   403,   404,   404,   403],
  ['get /api/v1/sessions',                                       'sessions:read',      401,   200,   403,   401,   200,   200,   200,   200,   403,   200,   200,   200],
  ['get /api/v1/sessions/{sessionId}',                           'sessions:read',      401,   200,   403,   401,   200,   200,   200,   200,   403,   404,   404,   200],
  ['delete /api/v1/sessions/{sessionId}',                        'sessions:write',     401,   204,   403,   401,   204,   204,   204,   204,   403,   404,   404,   403],
  ['post /api/v1/previews/{previewId}/share-links',              'previews:write',     401,   201,   403,   401,   201,   201,   201,   201,   403,   404,   404,   403],
  ['get /api/v1/previews/{previewId}/share-links',               'previews:read',      401,   200,   403,   401,   200,   200,   200,   200,   403,   404,   404,   200],
  ['delete /api/v1/previews/{previewId}/share-links/{shareLinkId}','previews:write',     401,   204,   403,   401,   204,   204,   204,   204,   403,   404,   404,   403],
  ['post /api/v1/previews/{previewId}/tokens',                   'previews:write',     401,   201,   403,   401,   201,   201,   201,   201,   403,   404,   404,   403],
  ['get /api/v1/previews/{previewId}/tokens',                    'previews:read',      401,   200,   403,   401,   200,   200,   200,   200,   403,   404,   404,   200],
  ['delete /api/v1/previews/{previewId}/tokens/{previewTokenId}','previews:write',     401,   204,   403,   401,   204,   204,   204,   204,   403,   404,   404,   403],
  ['get /api/v1/audit-events',                                   'audit:read',         401,   200,   403,   401,   403,   200,   200,   403,   403,   200,   200,   200],
  ['get /api/v1/audit-events/export',                            'audit:read',         401,   200,   403,   401,   403,   200,   200,   403,   403,   200,   200,   200],
  ['get /api/v1/previews/{previewId}/metrics',                   'previews:read',      401,   200,   403,   401,   200,   200,   200,   200,   403,   404,   404,   200],
  ['get /api/v1/preview-metrics',                                'previews:read',      401,   200,   403,   401,   200,   200,   200,   200,   403,   200,   200,   200],
  ['get /api/v1/previews/{previewId}/exchanges',                 'previews:read',      401,   200,   403,   401,   200,   200,   200,   200,   403,   404,   404,   403],
  ['get /api/v1/previews/{previewId}/kept-exchanges',            'previews:read',      401,   200,   403,   401,   200,   200,   200,   200,   403,   404,   404,   200],
  ['get /api/v1/previews/{previewId}/kept-exchanges/{exchangeId}','previews:read',      401,   200,   403,   401,   200,   200,   200,   200,   403,   404,   404,   200],
  ['get /api/v1/previews/{previewId}/kept-exchanges.har',        'previews:read',      401,   200,   403,   401,   200,   200,   200,   200,   403,   404,   404,   200],
  ['delete /api/v1/previews/{previewId}/kept-exchanges/{exchangeId}','previews:write',     401,   204,   403,   401,   204,   204,   204,   204,   403,   404,   404,   403],
  ['delete /api/v1/previews/{previewId}/kept-exchanges',         'previews:write',     401,   204,   403,   401,   204,   204,   204,   204,   403,   404,   404,   403],
  ['post /api/v1/previews/{previewId}/replays',                  'previews:write',     401,   200,   403,   401,   200,   200,   200,   200,   403,   404,   404,   403],
  ['post /api/v1/webhooks',                                      'team:write',        401,   201,   403,   401,   403,   201,   201,   403,   403,   201,   201,   403],
  ['get /api/v1/webhooks',                                       'team:write',        401,   200,   403,   401,   403,   200,   200,   403,   403,   200,   200,   200],
  ['get /api/v1/webhooks/{webhookId}',                           'team:write',        401,   200,   403,   401,   403,   200,   200,   403,   403,   404,   404,   200],
  ['patch /api/v1/webhooks/{webhookId}',                         'team:write',        401,   200,   403,   401,   403,   200,   200,   403,   403,   404,   404,   403],
  ['delete /api/v1/webhooks/{webhookId}',                        'team:write',        401,   204,   403,   401,   403,   204,   204,   403,   403,   404,   404,   403],
  ['post /api/v1/webhooks/{webhookId}/test',                     'team:write',        401,   201,   403,   401,   403,   201,   201,   403,   403,   404,   404,   403],
  ['get /api/v1/webhooks/{webhookId}/deliveries',                'team:write',        401,   200,   403,   401,   403,   200,   200,   403,   403,   404,   404,   200],
  ['get /api/v1/webhooks/{webhookId}/deliveries/{deliveryId}',   'team:write',        401,   200,   403,   401,   403,   200,   200,   403,   403,   404,   404,   200],
  ['post /api/v1/webhooks/{webhookId}/deliveries/{deliveryId}/redeliver','team:write',        401,   200,   403,   401,   403,   200,   200,   403,   403,   404,   404,   403],
  ['get /api/v1/events',                                         'team:read',          401,   200,   403,   401,   200,   200,   200,   200,   403,   200,   200,   403],
  ['get /api/problems/{code}',                                   'public',             200,   '-',   200,   200,   200,   200,   200,   200,   200,   200,   200,   200],
  // The dashboard, pages for people, and the documentation
  ['get /',                                                      'user',               303,   '-',   403,   303,   403,   200,   200,   200,   200,   403,   200,   200],
  ['get /previews{/*path}',                                      'user',               303,   '-',   403,   303,   403,   200,   200,   200,   200,   403,   200,   200],
  ['get /connections{/*path}',                                   'user',               303,   '-',   403,   303,   403,   200,   200,   200,   200,   403,   200,   200],
  ['get /intercepts{/*path}',                                    'user',               303,   '-',   403,   303,   403,   200,   200,   200,   200,   403,   200,   200],
  ['get /api-keys{/*path}',                                      'user',               303,   '-',   403,   303,   403,   200,   200,   200,   200,   403,   200,   200],
  ['get /team{/*path}',                                          'user',               303,   '-',   403,   303,   403,   200,   200,   200,   200,   403,   200,   200],
  ['get /audit-log{/*path}',                                     'user',               303,   '-',   403,   303,   403,   200,   200,   200,   200,   403,   200,   200],
  ['get /profile{/*path}',                                       'user',               303,   '-',   403,   303,   403,   200,   200,   200,   200,   403,   200,   200],
  ['get /assets/{file}',                                         'public',             200,   '-',   200,   200,   200,   200,   200,   200,   200,   200,   200,   200],
  ['get /api/docs',                                              'public',             200,   '-',   200,   200,   200,   200,   200,   200,   200,   200,   200,   200],
  ['get /api/docs/{file}',                                       'public',             200,   '-',   200,   200,   200,   200,   200,   200,   200,   200,   200,   200],
  ['get /api/openapi.json',                                      'public',             200,   '-',   200,   200,   200,   200,   200,   200,   200,   200,   200,   200],
  ['get /sign-in',                                               'public',             200,   '-',   200,   200,   200,   303,   303,   303,   303,   200,   303,   303],
  ['post /sign-in',                                              'public',             401,   '-',   401,   401,   401,   401,   401,   401,   401,   401,   401,   403],
  ['get /sign-in/{provider}',                                    'public',             404,   '-',   404,   404,   404,   404,   404,   404,   404,   404,   404,   404],
  ['get /sign-in/{provider}/callback',                           'public',             404,   '-',   404,   404,   404,   404,   404,   404,   404,   404,   404,   404],
  ['post /sign-out',                                             'public',             303,   '-',   303,   303,   303,   303,   303,   303,   303,   303,   303,   403],
  ['get /reset-password',                                        'public',             200,   '-',   200,   200,   200,   200,   200,   200,   200,   200,   200,   200],
  ['post /reset-password',                                       'public',             400,   '-',   400,   400,   400,   400,   400,   400,   400,   400,   400,   403],
  ['get /invitations',                                           'public',             404,   '-',   404,   404,   404,   404,   404,   404,   404,   404,   404,   404],
  ['post /invitations',                                          'public',             303,   '-',   303,   303,   303,   404,   404,   404,   404,   303,   404,   403],
  ['get /invitations/account',                                   'public',             404,   '-',   404,   404,   404,   404,   404,   404,   404,   404,   404,   404],
  ['post /invitations/account',                                  'public',             404,   '-',   404,   404,   404,   404,   404,   404,   404,   404,   404,   403],
  ['post /invitations/mail',                                     'public',             404,   '-',   404,   404,   404,   404,   404,   404,   404,   404,   404,   403],
  ['get /account',                                               'user',               303,   '-',   403,   303,   403,   200,   200,   200,   200,   403,   200,   200],
  ['get /preview-access',                                        'user',               303,   '-',   403,   303,   403,   303,   303,   303,   404,   403,   404,   303],
  ['get /device',                                                'user',               303,   '-',   403,   303,   403,   200,   200,   200,   403,   403,   200,   200],
  ['post /device',                                               'user',               401,   '-',   403,   401,   403,   400,   400,   400,   400,   403,   400,   403],
  ['post /device_authorization',                                 'public',             401,   '-',   401,   401,   401,   401,   401,   401,   401,   401,   401,   401],
  ['get /.well-known/oauth-authorization-server',                'public',             200,   '-',   200,   200,   200,   200,   200,   200,   200,   200,   200,   200],
  // What Telepresence expects of the cloud
  ['get /api/licenses/{licenseId}/formats/jwt',                  'public',             404,   '-',   404,   404,   404,   404,   404,   404,   404,   404,   404,   404],
  ['get /api/userinfo',                                          'keys:write',         401,   200,   403,   200,   200,   401,   401,   401,   401,   200,   401,   401],
  ['get /auth',                                                  'user',               303,   '-',   403,   303,   403,   200,   200,   200,   403,   403,   200,   200],
  ['post /auth',                                                 'user',               401,   '-',   403,   401,   403,   303,   303,   303,   303,   403,   303,   403],
  ['get /cloud/preview',                                         'public',             302,   '-',   302,   302,   302,   302,   302,   302,   302,   302,   302,   302],
  ['get /completion',                                            'public',             200,   '-',   200,   200,   200,   200,   200,   200,   200,   200,   200,   200],
  ['get /download/tel-pro/{system}/{architecture}/{version}/latest/{file}','public',             200,   '-',   200,   200,   200,   200,   200,   200,   200,   200,   200,   200],
  ['get /download/tel2/{system}/{architecture}/stable.txt',      'public',             200,   '-',   200,   200,   200,   200,   200,   200,   200,   200,   200,   200],
  ['post /sso/api/apikeys',                                      'keys:write',         401,   403,   403,   200,   200,   401,   401,   401,   401,   200,   401,   401],
  ['post /token',                                                'public',             401,   '-',   401,   401,   401,   401,   401,   401,   401,   401,   401,   401],
  ['post /revoke',                                               'public',             401,   '-',   401,   401,   401,   401,   401,   401,   401,   401,   401,   401],
];
