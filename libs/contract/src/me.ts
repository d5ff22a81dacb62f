import { ROLES, SCOPES } from '@culvert/terms';
import { z } from 'zod';
import { pageOf } from './page.js';
import { id, timestamp } from './text.js';

const role = z.enum(ROLES);
const team = z.strictObject({ id, name: z.string() });

export const meResource = z.strictObject({
  team: team
    .nullable()
    .describe('The team that requests like this one act for; null for a person in no team.'),
  role: role.nullable().describe('Of the person in that team; null for a key.'),
  scopes: z.array(z.enum(SCOPES)).describe('What such requests may do.'),
  apiKey: z
    .strictObject({
      id,
      name: z.string(),
      hint: z.string(),
      scopes: z.array(z.enum(SCOPES)),
      expiresAt: timestamp.nullable(),
    })
    .nullable()
    .describe('Null for a person.'),
  user: z.strictObject({ id, email: z.string(), name: z.string() }).nullable().describe('Null for a key.'),
  teams: z
    .array(team.extend({ role: role.nullable() }))
    .describe(
      'Every team of the person, the first joined first; choose by the header Culvert-Team. Of a key or program: its own.',
    ),
  mayCreateTeam: z.boolean().describe('Whether the person may make a team; of a key or program: false.'),
});
export type MeResource = z.output<typeof meResource>;

export const userSessionResource = z.strictObject({
  id,
  isCurrent: z.boolean().describe('Whether it is the one that asks.'),
  address: z.string().nullable().describe('Where the person signed in.'),
  userAgent: z.string().describe('What the browser said of itself then; may be empty.'),
  createdAt: timestamp,
  lastSeenAt: timestamp.describe('To the minute.'),
  expiresAt: timestamp.describe('It ends earlier when it is not used for 14 days.'),
});
export type UserSessionResource = z.output<typeof userSessionResource>;

export const userSessionPage = pageOf(userSessionResource);

export const programResource = z.strictObject({
  id,
  clientId: z.string().describe('The program, as OAuth knows it; such as `telepresence-cli`.'),
  name: z.string().describe('What people call it.'),
  team: team.describe('In which it acts for me.'),
  createdAt: timestamp.describe('When I let it.'),
  lastUsedAt: timestamp.describe('When it last got tokens: to the hour while it is in use.'),
  expiresAt: timestamp.describe('It ends then if it gets no tokens before.'),
});
export type ProgramResource = z.output<typeof programResource>;

export const programPage = pageOf(programResource);

export const signInMethodsResource = z.strictObject({
  hasPassword: z.boolean(),
  providers: z
    .array(
      z.strictObject({
        issuer: z.string().describe('Address of the provider.'),
        createdAt: timestamp.describe('When I first came from there.'),
      }),
    )
    .describe('Where else I can sign in.'),
});
export type SignInMethodsResource = z.output<typeof signInMethodsResource>;
