/** Culvert's API as the commands call it. Failures are CliErrors that say what to do next. */
import { ApiClient, type Credential, type Read, type ApiTransport } from '@culvert/api-client';
import {
  apiError,
  type ExposedPreview,
  PREVIEW_READINGS,
  type ProblemWording,
  VERSION,
} from '@culvert/client';
import {
  apiKeyPage,
  apiKeyResource,
  auditEventPage,
  connectionEventPage,
  createdApiKeyResource,
  createdInvitationResource,
  createdPreviewTokenResource,
  createdShareLinkResource,
  createdWebhookResource,
  interceptResource,
  invitationPage,
  keptExchangePage,
  memberCredentialList,
  memberList,
  memberResource,
  pageOf,
  previewMetrics,
  previewTokenPage,
  problemDescription,
  replayResource,
  serverResource,
  shareLinkPage,
  teamMetrics,
  teamResource,
  trafficManagerPage,
  trafficManagerResource,
  workloadIdentityPage,
  workloadIdentityResource,
  workloadIdentityTestResource,
  webhookDeliveryDetails,
  webhookDeliveryPage,
  webhookDeliveryResource,
  webhookPage,
  webhookResource,
} from '@culvert/contract';
import type { z } from 'zod';
import { asCliError } from './cli-error.js';
import { COMMAND_WORDING } from './problem-error.js';

const CALL_TIMEOUT_MS = 30_000;
/** Limit of a response. A page of 200 previews needs less than half of it. */
const MAX_RESPONSE_BYTES = 16 * 1024 * 1024;

/** An older server does not report what was removed. */
const intercept = interceptResource.partial({ removedPreview: true });

/** An older server does not keep exchanges. */
const team = teamResource.partial({ keepPolicy: true, canKeep: true });

const READINGS = {
  ...PREVIEW_READINGS,
  createApiKey: createdApiKeyResource,
  createIntercept: intercept,
  createInvitation: createdInvitationResource,
  createPreviewToken: createdPreviewTokenResource,
  createReplay: replayResource,
  createShareLink: createdShareLinkResource,
  createTrafficManager: trafficManagerResource,
  createWebhook: createdWebhookResource,
  getApiKey: apiKeyResource,
  getIntercept: intercept,
  getPreviewMetrics: previewMetrics,
  getProblem: problemDescription,
  getServer: serverResource.partial({ clientVersion: true }),
  getTeam: team,
  getTrafficManager: trafficManagerResource,
  getWebhook: webhookResource,
  getWebhookDelivery: webhookDeliveryDetails,
  listApiKeys: apiKeyPage,
  listAuditEvents: auditEventPage,
  listConnectionEvents: connectionEventPage,
  listIntercepts: pageOf(intercept),
  listInvitations: invitationPage,
  listKeptExchanges: keptExchangePage,
  listMemberCredentials: memberCredentialList,
  listMembers: memberList,
  listPreviewMetrics: teamMetrics,
  listPreviewTokens: previewTokenPage,
  listPreviews: pageOf(PREVIEW_READINGS.getPreview),
  listSessions: pageOf(PREVIEW_READINGS.getSession),
  listShareLinks: shareLinkPage,
  listTrafficManagers: trafficManagerPage,
  listWebhookDeliveries: webhookDeliveryPage,
  listWebhooks: webhookPage,
  redeliverWebhook: webhookDeliveryResource,
  renewInvitation: createdInvitationResource,
  restorePreview: PREVIEW_READINGS.getPreview,
  rotateApiKey: createdApiKeyResource,
  createWorkloadIdentity: workloadIdentityResource,
  getWorkloadIdentity: workloadIdentityResource,
  listWorkloadIdentities: workloadIdentityPage,
  testWorkloadIdentity: workloadIdentityTestResource,
  updateApiKey: apiKeyResource,
  updateIntercept: intercept,
  updateMember: memberResource,
  updateTeam: team,
  updateTrafficManager: trafficManagerResource,
  updateWorkloadIdentity: workloadIdentityResource,
  testWebhook: webhookDeliveryResource,
  updateWebhook: webhookResource,
} as const;

export type Api = ApiClient<typeof READINGS>;

type Reading<Id extends keyof typeof READINGS> = Read<z.output<(typeof READINGS)[Id]>>;

export type ApiKey = Reading<'getApiKey'>;
export type AuditEvent = Reading<'listAuditEvents'>['items'][number];
export type ConnectionEvent = Reading<'listConnectionEvents'>['items'][number];
export type CreatedApiKey = Reading<'createApiKey'>;
export type CreatedInvitation = Reading<'createInvitation'>;
export type Intercept = Reading<'getIntercept'>;
export type Invitation = Reading<'listInvitations'>['items'][number];
export type Me = Reading<'getMe'>;
export type Member = Reading<'updateMember'>;
export type MemberCredential = Reading<'listMemberCredentials'>['items'][number];
export type Preview = ExposedPreview;
export type PreviewMetrics = Reading<'getPreviewMetrics'>;
export type PreviewToken = Reading<'listPreviewTokens'>['items'][number];
export type Replay = Reading<'createReplay'>;
export type Session = Reading<'getSession'>;
export type ShareLink = Reading<'listShareLinks'>['items'][number];
export type Team = Reading<'getTeam'>;
export type TeamMetrics = Reading<'listPreviewMetrics'>;
export type TrafficManager = Reading<'getTrafficManager'>;
export type WorkloadIdentity = Reading<'getWorkloadIdentity'>;
export type Webhook = Reading<'getWebhook'>;
export type WebhookDeliveryDetails = Reading<'getWebhookDelivery'>;

export interface ApiOptions {
  readonly url: string;
  readonly http: ApiTransport;
  readonly bearer: Credential;
  /** What to do when Culvert does not accept the credential. */
  readonly signInHint: string;
  /** Aborts calls in progress. */
  readonly signal: AbortSignal;
  /** How errors name fields. Default: by the flags of commands. */
  readonly wording?: ProblemWording;
}

export function createApi({
  url,
  http,
  bearer,
  signInHint,
  signal,
  wording = COMMAND_WORDING,
}: ApiOptions): Api {
  return new ApiClient({
    url,
    http,
    credential: bearer,
    readings: READINGS,
    toError: (failure) => asCliError(apiError(url, failure, signInHint, wording)),
    timeoutMs: CALL_TIMEOUT_MS,
    maxResponseBytes: MAX_RESPONSE_BYTES,
    userAgent: `culvert/${VERSION} (${process.platform})`,
    signal,
  });
}
