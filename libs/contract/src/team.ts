import {
  MAX_KEEP_COUNT,
  MAX_KEEP_HOURS,
  MAX_REDACTED_NAMES,
  MEMBER_CREDENTIAL_KINDS,
  NEVER_KEPT_FIELDS,
  ROLES,
} from '@culvert/terms';
import { z } from 'zod';
import { changeOf, pageOf } from './page.js';
import { idleExpirySeconds } from './previews.js';
import { id, name as nameText, timestamp } from './text.js';

const role = z.enum(ROLES);
const email = z.email('must be an email address').max(254).toLowerCase();
const name = nameText(128).describe('Name that people see.');

export const createTeamRequest = z.strictObject({ name });
export type CreateTeamRequest = z.output<typeof createTeamRequest>;

const fieldName = z
  .string()
  .toLowerCase()
  .regex(
    /^[!#$%&'*+.^_`|~0-9a-z-]{1,64}$/,
    'must be a name of 1 to 64 letters, digits, or characters such as - and _',
  );

const keepPolicy = z.strictObject({
  maxCount: z
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(MAX_KEEP_COUNT, `must be at most ${MAX_KEEP_COUNT}`)
    .describe('Maximum number of exchanges of one preview.'),
  maxHours: z
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(MAX_KEEP_HOURS, `must be at most ${MAX_KEEP_HOURS}`)
    .describe('Maximum number of hours for which they are kept.'),
  bodies: z.boolean().default(false).describe('Whether bodies are kept as well.'),
  redactedNames: z
    .array(fieldName)
    .max(MAX_REDACTED_NAMES, `must be at most ${MAX_REDACTED_NAMES}`)
    .default([])
    .describe(
      'Names of header fields, query parameters, and fields of JSON and form bodies whose values are never kept, ' +
        `besides ${NEVER_KEPT_FIELDS.join(', ')} and the secrets that are always masked. Case does not matter.`,
    ),
});

const keepPolicyDescription =
  'How previews can keep their last exchanges; null: they cannot. A lower policy removes what exceeds it, and a new ' +
  'redacted name removes everything that is kept.';

export const updateTeamRequest = changeOf(
  z.strictObject({
    name,
    previewIdleExpirySeconds: idleExpirySeconds.describe(
      'Seconds without a request after which previews without a setting of their own end; null or 0: never.',
    ),
    keepPolicy: keepPolicy.nullable().describe(keepPolicyDescription),
  }),
);
export type UpdateTeamRequest = z.output<typeof updateTeamRequest>;

const amounts = {
  previews: z.int(),
  sessions: z.int(),
  apiKeys: z.int(),
  members: z.int(),
  invitations: z.int(),
};

export const teamResource = z.strictObject({
  id,
  name: z.string(),
  previewIdleExpirySeconds: z.int().nullable(),
  keepPolicy: z
    .strictObject({
      maxCount: z.int(),
      maxHours: z.int(),
      bodies: z.boolean(),
      redactedNames: z.array(z.string()),
    })
    .nullable()
    .describe(keepPolicyDescription),
  canKeep: z
    .boolean()
    .describe('Whether the server has an encryption key (ENCRYPTION_KEYS), without which nothing is kept.'),
  createdAt: timestamp,
  limits: z
    .strictObject({
      ...amounts,
      apiRequestsPerMinute: z
        .int()
        .nullable()
        .describe('Requests a minute of all keys and members together; null: no limit.'),
      previewRequestsPerMinute: z
        .int()
        .nullable()
        .describe('Requests a minute of the visitors of all previews together; null: no limit.'),
    })
    .describe('Limits of the team.'),
  use: z
    .strictObject({
      ...amounts,
      previewRequestsPerMinute: z
        .int()
        .describe('Requests that all edges forwarded in the last whole minute.'),
    })
    .describe('Current use of the limits.'),
});
export type TeamResource = z.output<typeof teamResource>;

export const createdTeamResource = teamResource.pick({ id: true, name: true, createdAt: true });
export type CreatedTeamResource = z.output<typeof createdTeamResource>;

export const memberResource = z.strictObject({
  userId: id,
  email: z.string(),
  name: z.string(),
  role,
  joinedAt: timestamp,
});
export type MemberResource = z.output<typeof memberResource>;

export const memberList = z.strictObject({ items: z.array(memberResource) });
export type MemberList = z.output<typeof memberList>;

/** Maximum number of credentials of a person that one response lists. */
export const MAX_MEMBER_CREDENTIALS = 200;

export const memberCredentialResource = z.strictObject({
  kind: z.enum(MEMBER_CREDENTIAL_KINDS),
  id,
  name: z.string().describe('Name that people see; the address of an invitation.'),
  preview: z
    .strictObject({ id, hostname: z.string() })
    .nullable()
    .describe('Preview that a share link or token opens; null for the other kinds.'),
  createdAt: timestamp,
  expiresAt: timestamp.nullable(),
});
export type MemberCredentialResource = z.output<typeof memberCredentialResource>;

export const memberCredentialList = z.strictObject({
  items: z.array(memberCredentialResource).max(MAX_MEMBER_CREDENTIALS),
  isComplete: z.boolean().describe('Whether the list is complete, without older ones left out.'),
});
export type MemberCredentialList = z.output<typeof memberCredentialList>;

export const updateMemberRequest = z.strictObject({ role });
export type UpdateMemberRequest = z.output<typeof updateMemberRequest>;

export const createInvitationRequest = z.strictObject({
  email: email.describe('Address of the invited person. Only they can accept, after signing in with it.'),
  role: role.default('member'),
});
export type CreateInvitationRequest = z.output<typeof createInvitationRequest>;

export const invitationResource = z.strictObject({
  id,
  email: z.string(),
  role,
  createdByUserId: id
    .nullable()
    .describe(
      'Person with whose permissions the invitation was created or last renewed; null: the operator, or ' +
        'unknown.',
    ),
  createdAt: timestamp,
  expiresAt: timestamp,
});
export type InvitationResource = z.output<typeof invitationResource>;

export const createdInvitationResource = invitationResource.extend({
  token: z
    .string()
    .describe(
      'Token with which the invited person accepts. It is shown only once: the server keeps only its hash.',
    ),
  link: z
    .string()
    .describe(
      'Link that the invited person opens in a browser. If the server sends no mail, they also set their ' +
        'password there.',
    ),
  isMailed: z
    .boolean()
    .describe('Whether Culvert mails the link to the invited address; false: pass it on yourself.'),
});
export type CreatedInvitationResource = z.output<typeof createdInvitationResource>;

export const invitationPage = pageOf(invitationResource);

export const acceptInvitationRequest = z.strictObject({ token: z.string().min(1).max(128) });
export type AcceptInvitationRequest = z.output<typeof acceptInvitationRequest>;

export const acceptedInvitationResource = z.strictObject({ teamId: id, role });
export type AcceptedInvitationResource = z.output<typeof acceptedInvitationResource>;
