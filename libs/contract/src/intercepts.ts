import { DISPOSITIONS } from '@culvert/terms';
import { z } from 'zod';
import { host } from './host.js';
import { changeOf, pageOf, pageQuery } from './page.js';
import { clusterName, id, optionalName, optionalText, timestamp } from './text.js';

const MAX_NAME_LENGTH = 253;
const MAX_NAMESPACE_LENGTH = 63;
const MAX_ARGUMENTS = 32;
const MAX_METADATA = 32;

const fields = z.strictObject({
  client: optionalName(255).describe('Person or machine that intercepts, such as ann@laptop.'),
  workload: clusterName(MAX_NAME_LENGTH).describe('Workload whose traffic is intercepted.'),
  workloadKind: optionalText(64),
  namespace: clusterName(MAX_NAMESPACE_LENGTH),
  mechanism: optionalText(64).describe('`http`, `tcp` or empty.'),
  mechanismArgs: z.array(optionalText(1024)).max(MAX_ARGUMENTS, `must be at most ${MAX_ARGUMENTS} arguments`),
  targetHost: z.union([z.literal(''), host], 'must be a DNS name, an IP address, or empty'),
  targetPort: z.int('must be a whole number').min(0).max(65_535).describe('Target port; 0 if unknown.'),
  serviceName: z.union(
    [z.literal(''), clusterName(MAX_NAME_LENGTH)],
    'must be a name of a service, or empty',
  ),
  servicePortIdentifier: optionalText(63),
  disposition: z.enum(DISPOSITIONS),
  message: optionalText(1024).describe('Explains the disposition.'),
  metadata: z
    .record(z.string(), optionalText(1024))
    .refine(
      (entries) => Object.keys(entries).length <= MAX_METADATA,
      `must be at most ${MAX_METADATA} entries`,
    )
    .refine(
      (entries) => Object.keys(entries).every((key) => /^[\x21-\x7e]{1,128}$/.test(key)),
      'must have keys of 1 to 128 visible ASCII characters',
    ),
  headers: z
    .record(z.string(), optionalText(1024))
    .refine(
      (entries) => Object.keys(entries).length <= MAX_METADATA,
      `must be at most ${MAX_METADATA} entries`,
    )
    .refine(
      (entries) => Object.keys(entries).every((key) => /^[\x21-\x7e]{1,128}$/.test(key)),
      'must have keys of 1 to 128 visible ASCII characters',
    )
    .describe('Request headers that the cluster matches; values may be regular expressions.'),
});

/** An intercept that is created together with its first preview. */
export const interceptDescription = z.strictObject({
  name: clusterName(MAX_NAME_LENGTH).describe('Name; the second half of the ID.'),
  workload: fields.shape.workload,
  namespace: fields.shape.namespace.default('default'),
  client: fields.shape.client.default(''),
  workloadKind: fields.shape.workloadKind.default('Deployment'),
  mechanism: fields.shape.mechanism.default('http'),
  mechanismArgs: fields.shape.mechanismArgs.default([]),
  targetHost: fields.shape.targetHost.default(''),
  targetPort: fields.shape.targetPort.default(0),
  serviceName: fields.shape.serviceName.default(''),
  servicePortIdentifier: fields.shape.servicePortIdentifier.default(''),
  disposition: fields.shape.disposition.default('UNSPECIFIED'),
  message: fields.shape.message.default(''),
  metadata: fields.shape.metadata.default({}),
  headers: fields.shape.headers.default({}),
});
export type InterceptDescription = z.output<typeof interceptDescription>;

/** ID of a traffic manager. Can be left out while the team has exactly one, not counting workstations. */
export const optionalTrafficManagerId = id
  .optional()
  .describe(
    'Traffic manager of the intercept. Can be left out while the team has exactly one, not counting ' +
      'those of `culvert expose`.',
  );

export const createInterceptRequest = interceptDescription.extend({
  trafficManagerId: optionalTrafficManagerId,
});
export type CreateInterceptRequest = z.output<typeof createInterceptRequest>;

/** Fields that can change. The name is part of the ID, and the traffic manager is its location: neither changes. */
export const updateInterceptRequest = changeOf(fields);
export type UpdateInterceptRequest = z.output<typeof updateInterceptRequest>;

export const interceptQuery = pageQuery.extend({
  trafficManagerId: id.optional().describe('Only intercepts of this traffic manager.'),
});
export type InterceptQuery = z.output<typeof interceptQuery>;

export const interceptResource = z.strictObject({
  id: id.describe('`<uuid>:<name>`: the value of x-telepresence-intercept-id.'),
  trafficManagerId: id,
  name: z.string(),
  client: z.string(),
  workload: z.string(),
  workloadKind: z.string(),
  namespace: z.string(),
  mechanism: z.string(),
  mechanismArgs: z.array(z.string()),
  targetHost: z.string(),
  targetPort: z.int(),
  serviceName: z.string(),
  servicePortIdentifier: z.string(),
  disposition: z.enum(DISPOSITIONS),
  message: z.string(),
  metadata: z.record(z.string(), z.string()),
  headers: z.record(z.string(), z.string()),
  removedPreview: z
    .strictObject({ hostname: z.string() })
    .nullable()
    .describe(
      'A preview that was removed while the Telepresence traffic manager of the intercept still shows its ' +
        'URL. It stays here until the developer runs `telepresence preview remove <name>`, or until it is ' +
        'restored. Null: there is none.',
    ),
  createdAt: timestamp,
  updatedAt: timestamp,
});
export type InterceptResource = z.output<typeof interceptResource>;

export const interceptPage = pageOf(interceptResource);
