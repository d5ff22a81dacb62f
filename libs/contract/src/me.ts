import { ROLES, SCOPES } from '@culvert/terms';
import { z } from 'zod';
import { pageOf } from './page.js';
import { id, timestamp } from './text.js';

const role = z.enum(ROLES);
const team = z.strictObject({ id, name: z.string() });

export const meResource = z.strictObject({
  team: team
    .nullable()
    .describe('Team that requests with these credentials act for; null for a person without a team.'),
  role: role.nullable().describe('Role of the person in that team; null for a key.'),
  scopes: z.array(z.enum(SCOPES)).describe('Scopes that these credentials have.'),
  apiKey: z
    .strictObject({
      id,
      name: z.string(),
      hint: z.string(),
      scopes: z.array(z.enum(SCOPES)),
      expiresAt: timestamp.nullable(),
    })
    .nullable()
    .describe('API key of the request, or token of a workload identity; null for a person.'),
  workloadIdentity: z
    .strictObject({ id, name: z.string() })
    .nullable()
    .describe('Workload identity that issued the token of the request; null for a person or a key.'),
  user: z
    .strictObject({ id, email: z.string(), name: z.string() })
    .nullable()
    .describe('Person who is signed in; null for a key.'),
  teams: z
    .array(team.extend({ role: role.nullable() }))
    .describe(
      'Every team of the person, in the order in which they joined; the header Culvert-Team selects one. ' +
        'For a key or program: its own team.',
    ),
  mayCreateTeam: z.boolean().describe('Whether the person can create a team; for a key or program: false.'),
});
export type MeResource = z.output<typeof meResource>;

export const userSessionResource = z.strictObject({
  id,
  isCurrent: z.boolean().describe('Whether this session made the request.'),
  address: z.string().nullable().describe('Address from which the person signed in.'),
  userAgent: z.string().describe('User agent of the browser at sign-in; may be empty.'),
  createdAt: timestamp,
  lastSeenAt: timestamp.describe('Time of the last use, to the minute.'),
  expiresAt: timestamp.describe('Time when the session ends. It ends earlier if it is not used for 14 days.'),
});
export type UserSessionResource = z.output<typeof userSessionResource>;

export const userSessionPage = pageOf(userSessionResource);

export const programResource = z.strictObject({
  id,
  clientId: z.string().describe('OAuth client ID of the program, such as `telepresence-cli`.'),
  name: z.string().describe('Name that people see.'),
  team: team.describe('Team in which the program acts for me.'),
  createdAt: timestamp.describe('When I allowed it.'),
  lastUsedAt: timestamp.describe('Time when the program last got tokens, to the hour.'),
  expiresAt: timestamp.describe('Time when its access ends, unless it gets tokens before then.'),
});
export type ProgramResource = z.output<typeof programResource>;

export const programPage = pageOf(programResource);

export const signInMethodsResource = z.strictObject({
  hasPassword: z.boolean(),
  providers: z
    .array(
      z.strictObject({
        issuer: z.string().describe('Address of the identity provider.'),
        createdAt: timestamp.describe('When I first signed in with it.'),
      }),
    )
    .describe('Identity providers that I can sign in with.'),
});
export type SignInMethodsResource = z.output<typeof signInMethodsResource>;
