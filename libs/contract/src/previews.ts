import {
  ADDRESSED_AS,
  INGRESS_PROTOCOLS,
  MAX_KEEP_COUNT,
  MAX_KEEP_HOURS,
  MIN_IDLE_EXPIRY_SECONDS,
  PREVIEW_ACCESS,
  PULL_REQUEST_COMMENT_STATUSES,
} from '@culvert/terms';
import { z } from 'zod';
import { host, port } from './host.js';
import { interceptDescription, optionalTrafficManagerId } from './intercepts.js';
import { changeOf, pageOf, pageQuery } from './page.js';
import { requestHeaders } from './request-headers.js';
import { futureTimestamp, id, text, timestamp } from './text.js';

const MAX_ALLOWED = 100;

/** An email address in lower case, as the addresses of people are stored. */
const emailAddress = z
  .string()
  .trim()
  .toLowerCase()
  .max(320, 'must be at most 320 characters long')
  .regex(/^[\x21-\x3f\x41-\x7e]+@[a-z0-9.-]+$/, 'must be an email address');

const mailDomain = z
  .string()
  .trim()
  .toLowerCase()
  .max(253, 'must be at most 253 characters long')
  .regex(
    /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/,
    'must be a domain such as example.com',
  );

/** Where requests enter the cluster. */
export const ingressDescription = z
  .strictObject({
    host: host.describe('Host of the ingress, as the traffic manager resolves it.'),
    port,
    useTls: z.boolean().default(false),
    l5Host: host
      .optional()
      .describe(
        'SNI and, unless `addressedAs` is `preview`, Host header sent to the ingress. Default: `host`.',
      ),
    verifyTls: z.boolean().default(true).describe('Whether the certificate of the ingress must be valid.'),
    protocol: z
      .enum(INGRESS_PROTOCOLS)
      .default('http1')
      .describe(
        'Protocol of the ingress. `http1`: HTTP/1.1; `h2c`: HTTP/2 without TLS; `h2`: HTTP/2 with TLS. gRPC ' +
          'needs `h2c` or `h2`.',
      ),
    addressedAs: z
      .enum(ADDRESSED_AS)
      .default('l5host')
      .describe(
        'Address under which the service is asked for its pages. `l5host`: Host is `l5Host`, and Origin, Referer ' +
          'and X-Forwarded-* name the preview. `target`: as if it were opened at its own address: Host is `l5Host` ' +
          'with the port, own Origin and Referer name it too, and of X-Forwarded-* there is only X-Forwarded-For with ' +
          'the address of the visitor. `preview`: Host and ' +
          'X-Forwarded-* name the preview. With `target` and `preview`, redirects and cookies that name the target ' +
          'apply to the preview.',
      ),
  })
  .refine(({ protocol, useTls }) => protocol !== 'h2' || useTls, {
    error: 'h2 is HTTP/2 over TLS and needs useTls; without TLS it is h2c',
    path: ['protocol'],
  })
  .refine(({ protocol, useTls }) => protocol !== 'h2c' || !useTls, {
    error: 'h2c is HTTP/2 without TLS; with useTls it is h2',
    path: ['protocol'],
  })
  .transform((ingress) => ({ ...ingress, l5Host: ingress.l5Host ?? ingress.host }));

const MAX_IDLE_EXPIRY_SECONDS = 366 * 24 * 60 * 60;

/** Idle time after which a preview ends; also the default of a team. */
export const idleExpirySeconds = z
  .int('must be a whole number')
  .min(0, 'must not be negative')
  .max(MAX_IDLE_EXPIRY_SECONDS, `must be at most ${MAX_IDLE_EXPIRY_SECONDS}`)
  .refine((seconds) => seconds === 0 || seconds >= MIN_IDLE_EXPIRY_SECONDS, {
    error: `must be 0 or at least ${MIN_IDLE_EXPIRY_SECONDS}`,
  })
  .nullable()
  .describe("Seconds without a request after which the preview ends; null: the team's default; 0: never.");

/** How exchanges of a preview are kept. */
const keepSetting = z.strictObject({
  count: z
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(MAX_KEEP_COUNT, `must be at most ${MAX_KEEP_COUNT}`)
    .describe('Number of exchanges: the newest ones stay.'),
  hours: z
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(MAX_KEEP_HOURS, `must be at most ${MAX_KEEP_HOURS}`)
    .describe('Hours after which each is removed.'),
});

const fields = z.strictObject({
  ingress: ingressDescription,
  access: z
    .enum(PREVIEW_ACCESS)
    .describe(
      '`team`: members of the team, and the people they let in; `public`: anyone who knows the hostname.',
    ),
  allowedEmails: z
    .array(emailAddress)
    .max(MAX_ALLOWED, `must be at most ${MAX_ALLOWED}`)
    .describe(
      'People with one of these verified addresses can open the preview after they sign in, without being ' +
        'a member.',
    ),
  allowedDomains: z
    .array(mailDomain)
    .max(MAX_ALLOWED, `must be at most ${MAX_ALLOWED}`)
    .describe('Domains whose verified addresses are allowed in the same way; subdomains are not included.'),
  displayBanner: z.boolean().describe('Whether pages show a banner saying that they are a preview.'),
  allowUpgrades: z
    .boolean()
    .describe(
      'Whether GET and POST requests can switch to protocols other than WebSocket with `Upgrade`, such as ' +
        '`tcp` of Docker or `SPDY/3.1` of Kubernetes. Otherwise they are refused. h2c is never allowed.',
    ),
  pullRequestUrl: z
    .string()
    .max(2048, 'must be at most 2048 characters long')
    .regex(/^https?:\/\/[\x21-\x7e]+$/i, 'must be an http or https URL')
    .refine((address) => URL.canParse(address), 'must be an http or https URL')
    .nullable(),
  addRequestHeaders: requestHeaders.describe(
    'Headers set on every request to the ingress, at most 32 and 8 KiB. Refused: Host, Cookie, ' +
      'hop-by-hop, framing, forwarding and WebSocket handshake fields, and those that carry the intercept ' +
      'ID or a credential for Culvert.',
  ),
  expiresAt: futureTimestamp.nullable().describe('Time when the preview ends; null: never.'),
  idleExpirySeconds,
  endsWithSession: z
    .boolean()
    .describe(
      'Whether the preview ends once its traffic manager has no session: for a URL that lives as long as ' +
        'the process that created it. A lost connection can be resumed as long as the session lives ' +
        '(SESSION_GRACE_MS).',
    ),
  keep: keepSetting
    .nullable()
    .describe(
      'How the last exchanges are kept, encrypted, within the policy of the team; null: they are not. Pages then ' +
        'always show the banner, which says so. A lower setting removes what exceeds it; null removes all.',
    ),
});

export const createPreviewRequest = z
  .strictObject({
    trafficManagerId: optionalTrafficManagerId,
    intercept: interceptDescription.optional().describe('A new intercept for this preview.'),
    interceptId: id.optional().describe('An existing intercept.'),
    ingress: fields.shape.ingress,
    access: fields.shape.access.default('team'),
    allowedEmails: fields.shape.allowedEmails.default([]),
    allowedDomains: fields.shape.allowedDomains.default([]),
    displayBanner: fields.shape.displayBanner.default(true),
    allowUpgrades: fields.shape.allowUpgrades.default(false),
    pullRequestUrl: fields.shape.pullRequestUrl.default(null),
    addRequestHeaders: fields.shape.addRequestHeaders.default({}),
    expiresAt: fields.shape.expiresAt.default(null),
    idleExpirySeconds: fields.shape.idleExpirySeconds.default(null),
    endsWithSession: fields.shape.endsWithSession.default(false),
    keep: fields.shape.keep.default(null),
  })
  .refine((preview) => (preview.intercept === undefined) !== (preview.interceptId === undefined), {
    error: 'exactly one of intercept and interceptId is needed',
    path: ['intercept'],
  });
export type CreatePreviewRequest = z.output<typeof createPreviewRequest>;

/** Fields that can change. Each is replaced as a whole. */
export const updatePreviewRequest = changeOf(fields);
export type UpdatePreviewRequest = z.output<typeof updatePreviewRequest>;

/** State of the traffic manager that a preview's requests go through. */
const PREVIEW_STATES = ['connected', 'waiting'] as const;

export const previewQuery = pageQuery.extend({
  trafficManagerId: id.optional().describe('Only previews of this traffic manager.'),
  interceptId: id.optional().describe('Only previews of this intercept.'),
  search: text(200)
    .optional()
    .describe(
      'Only previews with this text in their hostname or pull request URL, or in the name, workload, ' +
        'namespace or client of their intercept. Case does not matter.',
    ),
  state: z
    .enum(PREVIEW_STATES)
    .optional()
    .describe('Only previews whose traffic manager is `connected`, or that are `waiting` for it.'),
  access: z.enum(PREVIEW_ACCESS).optional().describe('Only previews with this access.'),
  workload: text(253).optional().describe('Only previews of intercepts of exactly this workload.'),
  client: text(255).optional().describe('Only previews of intercepts of exactly this client.'),
});
export type PreviewQuery = z.output<typeof previewQuery>;

export const ingressResource = z.strictObject({
  host: z.string(),
  port: z.int().describe('Port of the ingress; 0 until a Telepresence traffic manager has reported it.'),
  useTls: z.boolean(),
  l5Host: z.string(),
  verifyTls: z.boolean(),
  protocol: z.enum(INGRESS_PROTOCOLS),
  addressedAs: z.enum(ADDRESSED_AS),
});

/** State of the comment on a preview's pull request. */
export const pullRequestResource = z.strictObject({
  status: z
    .enum(PULL_REQUEST_COMMENT_STATUSES)
    .describe(
      '`pending`: not written yet; `posted`: it is there; `failed`: the forge refused or did not answer, ' +
        'and Culvert tries again; `unsupported`: the URL is not a pull request on a forge that this ' +
        'deployment writes to.',
    ),
  detail: z.string().nullable().describe('Why the last attempt failed.'),
  commentUrl: z.string().nullable(),
});

export const previewResource = z.strictObject({
  id,
  hostname: z.string(),
  url: z.url().describe('URL to open in a browser.'),
  interceptId: id,
  intercept: z
    .strictObject({
      name: z.string(),
      workload: z.string(),
      namespace: z.string(),
      client: z.string(),
    })
    .describe('Fields that identify the intercept to people; its own resource has all fields.'),
  trafficManagerId: id,
  ingress: ingressResource,
  access: z.enum(PREVIEW_ACCESS),
  allowedEmails: z.array(z.string()),
  allowedDomains: z.array(z.string()),
  displayBanner: z.boolean(),
  allowUpgrades: z.boolean(),
  pullRequestUrl: z.string().nullable(),
  pullRequest: pullRequestResource
    .nullable()
    .describe('Comment on the pull request; null if there is no pull request.'),
  addRequestHeaders: z.record(z.string(), z.string()),
  expiresAt: timestamp.nullable(),
  idleExpirySeconds: z.int().nullable(),
  endsWithSession: z.boolean(),
  keep: z
    .strictObject({ count: z.int(), hours: z.int() })
    .nullable()
    .describe('How its last exchanges are kept; null: they are not.'),
  lastUsedAt: timestamp.nullable().describe('Time of the last request, to about a minute.'),
  createdAt: timestamp,
  updatedAt: timestamp,
});
export type PreviewResource = z.output<typeof previewResource>;

export const previewPage = pageOf(previewResource);
