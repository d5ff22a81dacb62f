import { MEMBER_CREDENTIAL_KINDS, ROLES } from '@culvert/terms';
import { z } from 'zod';
import { changeOf, pageOf } from './page.js';
import { idleExpirySeconds } from './previews.js';
import { id, name as nameText, timestamp } from './text.js';

const role = z.enum(ROLES);
const email = z.email('must be an email address').max(254).toLowerCase();
const name = nameText(128).describe('What people call it.');

export const createTeamRequest = z.strictObject({ name });
export type CreateTeamRequest = z.output<typeof createTeamRequest>;

export const updateTeamRequest = changeOf(
  z.strictObject({
    name,
    previewIdleExpirySeconds: idleExpirySeconds.describe(
      'After how long unused previews end that do not say so themselves; null or 0: never.',
    ),
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
  createdAt: timestamp,
  limits: z
    .strictObject({
      ...amounts,
      apiRequestsPerMinute: z.int().nullable().describe('Of its keys and members together; null: no limit.'),
      previewRequestsPerMinute: z
        .int()
        .nullable()
        .describe('Of visitors of all its previews together, at each edge; null: no limit.'),
    })
    .describe('How much the team may have.'),
  use: z
    .strictObject({
      ...amounts,
      previewRequestsPerMinute: z
        .int()
        .describe('What edges forwarded in the last whole minute, all together.'),
    })
    .describe('How much of it the team has.'),
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

/** Credentials of a person that one answer lists. */
export const MAX_MEMBER_CREDENTIALS = 200;

export const memberCredentialResource = z.strictObject({
  kind: z.enum(MEMBER_CREDENTIAL_KINDS),
  id,
  name: z.string().describe('What people call it; the address of an invitation.'),
  preview: z
    .strictObject({ id, hostname: z.string() })
    .nullable()
    .describe('The preview that a share link or token opens; null for the other kinds.'),
  createdAt: timestamp,
  expiresAt: timestamp.nullable(),
});
export type MemberCredentialResource = z.output<typeof memberCredentialResource>;

export const memberCredentialList = z.strictObject({
  items: z.array(memberCredentialResource).max(MAX_MEMBER_CREDENTIALS),
  isComplete: z.boolean().describe('Whether there are no others, older than these.'),
});
export type MemberCredentialList = z.output<typeof memberCredentialList>;

export const updateMemberRequest = z.strictObject({ role });
export type UpdateMemberRequest = z.output<typeof updateMemberRequest>;

export const createInvitationRequest = z.strictObject({
  email: email.describe('Only whoever signs in with it can accept.'),
  role: role.default('member'),
});
export type CreateInvitationRequest = z.output<typeof createInvitationRequest>;

export const invitationResource = z.strictObject({
  id,
  email: z.string(),
  role,
  createdByUserId: id
    .nullable()
    .describe('The person by whose power it was made, or renewed last; null: the operator, or not known.'),
  createdAt: timestamp,
  expiresAt: timestamp,
});
export type InvitationResource = z.output<typeof invitationResource>;

export const createdInvitationResource = invitationResource.extend({
  token: z.string().describe('What the invited person accepts with. Shown this once: only its hash is kept.'),
  link: z
    .string()
    .describe(
      'What the invited person opens in a browser. Where no mail is sent, it also lets them set a password.',
    ),
  isMailed: z
    .boolean()
    .describe('Whether the link goes to the invited address by mail; false: hand it on yourself.'),
});
export type CreatedInvitationResource = z.output<typeof createdInvitationResource>;

export const invitationPage = pageOf(invitationResource);

export const acceptInvitationRequest = z.strictObject({ token: z.string().min(1).max(128) });
export type AcceptInvitationRequest = z.output<typeof acceptInvitationRequest>;

export const acceptedInvitationResource = z.strictObject({ teamId: id, role });
export type AcceptedInvitationResource = z.output<typeof acceptedInvitationResource>;
