/** What the commands for workload identities do. */
import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { usualConditions, type WORKLOAD_SCOPES, type WorkloadPlatform } from '@culvert/contract';
import type { Api, WorkloadIdentity } from '../api.js';
import { CliError } from '../cli-error.js';
import type { CommandContext } from '../command-context.js';
import { EXIT } from '../exit-code.js';
import { findOne } from '../find/find-one.js';
import { eachInTurn } from '../output/each-in-turn.js';
import type { Output } from '../output/output.js';
import { shortIds, showSpan, showTime } from '../output/readable.js';

/** Values by the names of their claims. */
export type Claims = Readonly<Record<string, readonly string[]>>;
type GrantedScope = (typeof WORKLOAD_SCOPES)[number];

interface RuleFlags {
  readonly claim?: Claims;
  readonly issuer?: string;
  readonly audience?: string;
  readonly scope?: GrantedScope[];
  /** Seconds. */
  readonly lifetime?: number;
  readonly disable?: boolean;
}

export interface CreateFlags extends RuleFlags {
  readonly name: string;
  readonly platform: WorkloadPlatform;
  readonly repository?: string;
  readonly branch?: string;
  readonly environment?: string;
  readonly event?: string;
}

export interface ChangeFlags extends RuleFlags {
  readonly name?: string;
  readonly enable?: boolean;
}

export async function create({ api, output }: CommandContext, flags: CreateFlags): Promise<void> {
  const { name, platform, disable } = flags;
  const created = await api.call('createWorkloadIdentity', {
    body: {
      name,
      platform,
      conditions: conditionsOf(flags),
      ...ruleOf(flags),
      ...(disable === true && { enabled: false }),
    },
  });
  output.result(created, () => output.line(created.id));
  if (!output.isForPrograms)
    output.note(`Set CULVERT_WORKLOAD_IDENTITY to this id in the job. The id is not a secret.`);
}

export async function list({ api, output }: CommandContext): Promise<void> {
  const items = await api.list('listWorkloadIdentities');
  const ids = shortIds(items.map(({ id }) => id));
  output.result(items, () =>
    output.table(
      ['NAME', 'ID', 'PLATFORM', 'CONDITIONS', 'LAST USED'],
      items.map((item, i) => [
        item.name,
        ids[i] ?? '',
        item.enabled ? item.platform : `${item.platform} (disabled)`,
        item.conditions.map(showCondition).join(', '),
        showTime(item.lastUsedAt),
      ]),
      'There are no workload identities. Create one with "culvert workload-identity create".',
    ),
  );
}

export async function show({ api, output }: CommandContext, reference: string): Promise<void> {
  const { id } = await findIdentity(api, reference);
  const identity = await api.call('getWorkloadIdentity', { workloadIdentityId: id });
  output.result(identity, () => showDetails(output, identity));
}

export async function update(
  { api, output }: CommandContext,
  reference: string,
  flags: ChangeFlags,
): Promise<void> {
  const { name, enable, disable, claim } = flags;
  const change = {
    ...(name !== undefined && { name }),
    ...(claim && { conditions: claimConditions(claim) }),
    ...ruleOf(flags),
    ...(enable === true && { enabled: true }),
    ...(disable === true && { enabled: false }),
  };
  if (Object.keys(change).length === 0)
    throw new CliError(EXIT.usage, 'nothing to change', { hint: 'Give a flag, such as --disable.' });
  const { id } = await findIdentity(api, reference);
  const identity = await api.call('updateWorkloadIdentity', { workloadIdentityId: id, body: change });
  output.result(identity, () => showDetails(output, identity));
}

export async function remove({ api, output }: CommandContext, references: string[]): Promise<void> {
  const found: WorkloadIdentity[] = [];
  // Finds all first, so that a mistyped name deletes nothing.
  for (const reference of references) found.push(await findIdentity(api, reference));
  await eachInTurn(
    found.map(({ id, name }) => ({ id, name })),
    ({ id }) => api.call('deleteWorkloadIdentity', { workloadIdentityId: id }),
    (done) =>
      output.result(done, () => {
        for (const { id, name } of done) output.line(`Deleted ${name} (${id})`);
      }),
  );
}

export async function test(
  { api, output, stdin }: CommandContext,
  reference: string,
  file: string,
): Promise<number> {
  const token = (file === '-' ? await text(stdin) : await readToken(file)).trim();
  const { id } = await findIdentity(api, reference);
  const result = await api.call('testWorkloadIdentity', { workloadIdentityId: id, body: { token } });
  output.result(result, () => {
    output.line(
      result.accepted ? 'The token is accepted.' : `The token is not accepted: ${result.problem ?? ''}`,
    );
    if (result.conditions.length === 0) return;
    output.line('');
    output.table(
      ['CLAIM', 'EXPECTED', 'IN THE TOKEN', 'MATCHES'],
      result.conditions.map(({ claim, values, actual, matches }) => [
        claim,
        values.join(' or '),
        actual ?? 'missing',
        matches ? 'yes' : 'no',
      ]),
      '',
    );
  });
  return result.accepted ? EXIT.ok : EXIT.failure;
}

async function readToken(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new CliError(EXIT.usage, `the token cannot be read: ${(cause as Error).message}`, {
      hint: 'Name a file that contains a token of the platform.',
      cause,
    });
  }
}

function conditionsOf({ platform, repository, branch, environment, event, claim = {} }: CreateFlags) {
  const usual = { repository, branch, environment, event };
  const isUsual = Object.values(usual).some((value) => value !== undefined);
  if (platform !== 'other') return [...usualConditions(platform, usual), ...claimConditions(claim)];
  if (isUsual)
    throw new CliError(
      EXIT.usage,
      '--repository, --branch, --environment and --event are for GitHub and GitLab',
      {
        hint: 'Name the claims of your platform with --claim.',
      },
    );
  return claimConditions(claim);
}

function claimConditions(claims: Claims) {
  return Object.entries(claims).map(([claim, values]) => ({ claim, values: [...values] }));
}

function ruleOf({ issuer, audience, scope, lifetime }: RuleFlags) {
  return {
    ...(issuer !== undefined && { issuer }),
    ...(audience !== undefined && { audience }),
    ...(scope && { scopes: scope }),
    ...(lifetime !== undefined && { tokenLifetimeSeconds: lifetime }),
  };
}

function showCondition({ claim, values }: WorkloadIdentity['conditions'][number]): string {
  return `${claim} = ${values.join(' or ')}`;
}

function showDetails(output: Output, identity: WorkloadIdentity): void {
  output.fields([
    ['Name', identity.name],
    ['Id', identity.id],
    ['Platform', identity.platform],
    ['Enabled', identity.enabled ? 'yes' : 'no'],
    ['Issuer', identity.issuer],
    ['Audience', identity.audience],
    ...identity.conditions.map((one) => ['Condition', showCondition(one)] as [string, string]),
    ['Scopes', identity.scopes.join(', ')],
    ['Token lifetime', showSpan(identity.tokenLifetimeSeconds)],
    ['Last used', showTime(identity.lastUsedAt)],
    ['Last used by', identity.lastUsedSubject],
    ['Created', showTime(identity.createdAt)],
    ['Created by user', identity.createdByUserId],
  ]);
}

async function findIdentity(api: Api, reference: string): Promise<WorkloadIdentity> {
  return findOne(await api.list('listWorkloadIdentities'), reference, {
    nouns: ['workload identity', 'workload identities'],
    idOf: ({ id }) => id,
    namesOf: ({ name }) => [name],
    hint: 'Use its id: "culvert workload-identity list" shows the ids.',
  });
}
