/** The lines of the control stream (docs/cluster.md §2): their shapes, and what each end accepts. */
import type { HeaderRule } from '@culvert/intercepts';
import { z } from 'zod';

/** The words of Telepresence's dispositions and Culvert's API. */
export const DISPOSITIONS = [
  'ACTIVE',
  'WAITING',
  'NO_CLIENT',
  'NO_AGENT',
  'NO_PORTS',
  'AGENT_ERROR',
] as const;
export type Disposition = (typeof DISPOSITIONS)[number];

export const REFUSAL_CODES = ['BAD_ARGS', 'CONFLICT', 'LIMIT', 'NOT_FOUND'] as const;
export type RefusalCode = (typeof REFUSAL_CODES)[number];

/** One line of text for people or a name: no control characters. */
const text = (max: number) =>
  z
    .string()
    .max(max, `must be at most ${max} characters long`)
    .regex(/^[^\p{Cc}\p{Cs}]*$/u, 'must not contain control characters');

/** A name of something in a cluster, as Culvert's API takes it. */
const clusterName = (max: number) =>
  text(max).regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?$/,
    'must consist of letters, digits, ".", "_" and "-", with a letter or digit at both ends',
  );

const workloadNames = {
  workload: clusterName(253),
  namespace: clusterName(63),
  kind: clusterName(64),
};

/** Counts requests and revisions. */
const counter = z.int().min(0);
const port = z.int().min(0).max(65_535);

/** Also checked by `checkRules`, which gives better errors than a schema. */
const headerRule = z.union([
  z.object({ name: z.string(), value: z.string() }),
  z.object({ name: z.string(), pattern: z.string() }),
]) satisfies z.ZodType<HeaderRule>;

const draft = z.object({
  name: clusterName(200),
  ...workloadNames,
  port: text(63).default(''),
  headers: z.array(headerRule).max(64),
  targetHost: text(253).default(''),
  targetPort: port.default(0),
});
/** An intercept as a client requests it. */
export type InterceptDraft = z.output<typeof draft>;

const info = draft.extend({
  id: text(300),
  client: text(255),
  disposition: z.enum(DISPOSITIONS),
  message: text(1024),
  culvertId: text(300).nullable(),
});
/** An intercept as the manager reports it. `culvertId` is null until Culvert knows it. */
export type InterceptInfo = z.output<typeof info>;

const workload = z.object({
  ...workloadNames,
  agents: counter,
  ports: z.array(z.object({ port, name: text(63) })),
});
/** A workload with agents. */
export type WorkloadInfo = z.output<typeof workload>;

const lookedFor = z.object({
  id: text(300),
  port,
  headers: z.array(headerRule),
  acceptedIds: z.array(text(300)).max(8),
});
/** An intercept as sent to an agent; `port` 0 is every one of its ports. */
export type LookedFor = z.output<typeof lookedFor>;

const announcement = z.object({
  type: z.literal('agent'),
  ...workloadNames,
  pod: text(253),
  ports: z
    .array(z.object({ port: port.min(1), name: text(63).default('') }))
    .min(1)
    .max(64),
});
/** An agent's announcement. */
export type Announcement = Omit<z.output<typeof announcement>, 'type'>;

/** The first line of a dialer. */
export const firstLine = z.discriminatedUnion('type', [
  announcement,
  z.object({ type: z.literal('client'), name: text(255) }),
]);

/** Replaces the credential of the upgrade, before that one expires. Both agents and clients may send it. */
const credentialLine = z.object({
  type: z.literal('credential'),
  credential: z.string().regex(/^[!-~]{1,512}$/),
});

/** Lines of an agent after its first. */
export const agentLine = z.discriminatedUnion('type', [
  credentialLine,
  z.object({
    type: z.literal('applied'),
    revision: counter,
    errors: z.array(z.object({ id: text(300), message: text(1024) })).max(64),
  }),
]);

/** Lines of a client after its first. */
export const clientLine = z.discriminatedUnion('type', [
  credentialLine,
  z.object({ type: z.literal('create'), request: counter, intercept: z.unknown() }),
  z.object({ type: z.literal('remove'), request: counter, id: text(300) }),
  z.object({ type: z.literal('list'), request: counter }),
]);

/** The `intercept` of a `create`: parsed separately, so that the answer to its request can name what is wrong. */
export const interceptDraft = draft;

export const managerToAgent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('intercepts'), revision: counter, intercepts: z.array(lookedFor).max(64) }),
]);
export type ManagerToAgent = z.output<typeof managerToAgent>;

export const managerToClient = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('welcome'),
    culvertUrl: text(2048),
    trafficManagerId: text(128),
    version: text(64),
  }),
  z.object({ type: z.literal('created'), request: counter, intercept: info }),
  z.object({ type: z.literal('removed'), request: counter, id: text(300), isLast: z.boolean() }),
  z.object({
    type: z.literal('listed'),
    request: counter,
    intercepts: z.array(info),
    workloads: z.array(workload),
  }),
  z.object({
    type: z.literal('refused'),
    request: counter,
    code: z.enum(REFUSAL_CODES),
    message: text(2048),
  }),
  z.object({ type: z.literal('intercept'), intercept: info }),
]);
export type ManagerToClient = z.output<typeof managerToClient>;

/** Describes, for people, what is wrong with a value, and where. */
export function describeIssues(error: z.ZodError): string {
  return error.issues
    .slice(0, 3)
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')} ${message}`))
    .join('; ');
}
