import { DEFAULT_WORKLOAD_SCOPES, SCOPES, WORKLOAD_PLATFORMS, WORKLOAD_SCOPES } from '@culvert/terms';
import { z } from 'zod';
import { changeOf, pageOf } from './page.js';
import { id, name as nameText, text, timestamp } from './text.js';

const MAX_CONDITIONS = 20;
const MAX_VALUES = 20;
/** Each is compared with every place of a claim. */
const MAX_ASTERISKS = 100;
const MIN_LIFETIME_SECONDS = 60;
export const MAX_WORKLOAD_TOKEN_SECONDS = 3600;
/** Longest platform token that the API accepts. */
const MAX_PLATFORM_TOKEN_LENGTH = 12_288;

const platform = z
  .enum(WORKLOAD_PLATFORMS)
  .describe('Platform that issues the tokens: `github` (Actions), `gitlab` (CI/CD), or `other`.');

const issuer = z
  .string()
  .max(512, 'must be at most 512 characters long')
  .refine(isIssuer, 'must be an https URL without a user name, query or fragment')
  .describe(
    'Issuer of the tokens, exactly as in their claim `iss`. Its keys are found by OpenID Connect Discovery.',
  );

function isIssuer(value: string): boolean {
  if (!/^https:\/\/[\x21-\x7e]+$/.test(value) || !URL.canParse(value)) return false;
  const { username, password, search, hash } = new URL(value);
  return username + password + search + hash === '' && !/[?#]/.test(value);
}

const audience = text(512).describe('Value that the claim `aud` of the tokens must contain.');

/** Claims that the server checks itself. */
const REGISTERED = new Set(['iss', 'aud', 'exp', 'nbf', 'iat', 'jti']);

const condition = z.strictObject({
  claim: z
    .string()
    .regex(/^[A-Za-z0-9_.:/-]{1,128}$/, 'must be the name of a claim')
    .refine((claim) => !REGISTERED.has(claim), 'is checked by the server itself: name another claim')
    .describe('Name of the claim, such as `repository`.'),
  values: z
    .array(text(512))
    .min(1, 'must have at least one value')
    .max(MAX_VALUES)
    .describe(
      'Values, one of which the claim must have. Case matters. `*` matches any number of characters except ' +
        '`/` and `:`; `**` matches any number of any characters. Wildcards match claims of at most 1024 characters.',
    ),
});
export type WorkloadCondition = z.output<typeof condition>;

const conditions = z
  .array(condition)
  .min(1, 'must have at least one condition')
  .max(MAX_CONDITIONS)
  .refine(
    (all) => new Set(all.map(({ claim }) => claim)).size === all.length,
    'must not name a claim twice: give one condition several values',
  )
  .refine(
    (all) => asterisksOf(all) <= MAX_ASTERISKS,
    `must have at most ${MAX_ASTERISKS} asterisks in all: shorten the patterns, or make another workload identity`,
  )
  .describe('Conditions, all of which a token must meet. One of them must name the owner of the program.');

function asterisksOf(all: readonly WorkloadCondition[]): number {
  return all.flatMap(({ values }) => values).reduce((sum, value) => sum + value.split('*').length - 1, 0);
}

const scopes = z
  .array(z.enum(WORKLOAD_SCOPES))
  .min(1, 'must name at least one scope')
  .max(WORKLOAD_SCOPES.length)
  .refine((all) => new Set(all).size === all.length, 'must not name a scope twice')
  .describe("Scopes of Culvert's tokens. Keys, members and the team itself are out of their reach.");

const tokenLifetimeSeconds = z
  .int('must be a whole number')
  .min(MIN_LIFETIME_SECONDS, `must be at least ${MIN_LIFETIME_SECONDS}`)
  .max(MAX_WORKLOAD_TOKEN_SECONDS, `must be at most ${MAX_WORKLOAD_TOKEN_SECONDS}`)
  .describe("Lifetime of Culvert's tokens in seconds. Programs get another one when they need it.");

const enabled = z.boolean().describe('Whether programs can sign in. The tokens end when it becomes false.');
const name = nameText(128).describe('Name that people see, also in the audit log.');

export const createWorkloadIdentityRequest = z.strictObject({
  name,
  platform,
  issuer: issuer
    .optional()
    .describe('Issuer of the tokens. Default: that of github.com or gitlab.com; `other` has no default.'),
  audience: audience
    .optional()
    .describe('Value that the claim `aud` of the tokens must contain. Default: the URL of Culvert.'),
  conditions,
  scopes: scopes
    .optional()
    .describe(
      `Scopes of Culvert's tokens. The caller must have them. Default: ${DEFAULT_WORKLOAD_SCOPES.join(', ')}.`,
    ),
  tokenLifetimeSeconds: tokenLifetimeSeconds
    .optional()
    .describe(`Lifetime of Culvert's tokens in seconds. Default: ${MAX_WORKLOAD_TOKEN_SECONDS}.`),
  enabled: enabled.optional().describe('Whether programs can sign in. Default: true.'),
});
export type CreateWorkloadIdentityRequest = z.output<typeof createWorkloadIdentityRequest>;

export const updateWorkloadIdentityRequest = changeOf(
  z.strictObject({ name, issuer, audience, conditions, scopes, tokenLifetimeSeconds, enabled }),
);
export type UpdateWorkloadIdentityRequest = z.output<typeof updateWorkloadIdentityRequest>;

export const workloadIdentityResource = z.strictObject({
  id,
  name: z.string(),
  platform,
  issuer: z.string(),
  audience: z.string(),
  conditions: z.array(z.strictObject({ claim: z.string(), values: z.array(z.string()) })),
  scopes: z.array(z.enum(SCOPES)),
  tokenLifetimeSeconds: z.int(),
  enabled: z.boolean(),
  lastUsedAt: timestamp.nullable().describe('Time when a program last signed in.'),
  lastUsedSubject: z.string().nullable().describe('Claim `sub` of that program.'),
  createdByUserId: id.nullable().describe('Person who created it. It stays when they leave the team.'),
  createdAt: timestamp,
});
export type WorkloadIdentityResource = z.output<typeof workloadIdentityResource>;

export const workloadIdentityPage = pageOf(workloadIdentityResource);

export const testWorkloadIdentityRequest = z.strictObject({
  token: z
    .string()
    .min(1, 'must not be empty')
    .max(MAX_PLATFORM_TOKEN_LENGTH, `must be at most ${MAX_PLATFORM_TOKEN_LENGTH} characters long`)
    .describe('Token of the platform.'),
});
export type TestWorkloadIdentityRequest = z.output<typeof testWorkloadIdentityRequest>;

export const workloadIdentityTestResource = z.strictObject({
  accepted: z.boolean().describe('Whether a program could sign in with this token.'),
  problem: z.string().nullable().describe('Why the token is not accepted; null if it is.'),
  subject: z.string().nullable().describe('Claim `sub` of the token; null if it cannot be trusted.'),
  conditions: z
    .array(
      z.strictObject({
        claim: z.string(),
        values: z.array(z.string()).describe('Values, one of which the claim must have.'),
        actual: z.string().nullable().describe('Value in the token; null: the token lacks the claim.'),
        matches: z.boolean(),
      }),
    )
    .describe('Result of each condition. Empty if the token cannot be trusted.'),
});
export type WorkloadIdentityTestResource = z.output<typeof workloadIdentityTestResource>;

/** What people usually restrict, under the names of forms and flags. */
export interface UsualConditions {
  /** `owner/name` at GitHub, the path of the project at GitLab. */
  readonly repository?: string | undefined;
  readonly branch?: string | undefined;
  readonly environment?: string | undefined;
  /** Event of GitHub, or source of a pipeline at GitLab, that starts the job. */
  readonly event?: string | undefined;
}

/** Returns the conditions on the claims of a platform that restrict what is given. */
export function usualConditions(
  on: 'github' | 'gitlab',
  { repository, branch, environment, event }: UsualConditions,
): WorkloadCondition[] {
  const claims =
    on === 'github'
      ? {
          repository,
          ref: branch && `refs/heads/${branch}`,
          environment,
          event_name: event,
        }
      : {
          project_path: repository,
          ref: branch,
          ref_type: branch && 'branch',
          environment,
          pipeline_source: event,
        };
  return Object.entries(claims).flatMap(([claim, value]) =>
    value === undefined || value === '' ? [] : [{ claim, values: [value] }],
  );
}
