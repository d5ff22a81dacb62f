import { DEFAULT_WORKLOAD_SCOPES, WORKLOAD_PLATFORMS, WORKLOAD_SCOPES } from '@culvert/terms';
import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import type { Action } from '../action.js';
import { completed } from '../completion/completers.js';
import { readDuration } from '../flags.js';
import { withHelp } from '../help/command-help.js';
import { needsKey } from '../help/needs-key.js';
import type { ChangeFlags, Claims, CreateFlags } from './workload-identities.js';

const EXAMPLES = {
  create: [
    'culvert workload-identity create --name "Previews of the shop" \\\n  --platform github --repository acme/shop --event pull_request',
    'culvert workload-identity create --name Shop --platform gitlab \\\n  --issuer https://gitlab.example.com --repository acme/shop --branch main',
  ],
  update: [
    'culvert workload-identity update Shop --claim repository=acme/shop',
    'culvert workload-identity update Shop --disable',
  ],
};

/** Adds the commands for workload identities, with which programs of a platform sign in without a stored key. */
export function addWorkloadIdentityCommands(program: Command, action: Action): void {
  const group = program
    .command('workload-identity')
    .summary('let CI jobs sign in without a stored key')
    .description(
      'Lets programs of a platform, such as jobs of GitHub Actions, sign in with its OIDC tokens.',
    );
  withHelp(group, { examples: ['culvert workload-identity list', EXAMPLES.create[0] ?? ''] });
  addCreate(group, action);
  addListAndShow(group, action);
  addUpdate(group, action);
  addDelete(group, action);
  addTest(group, action);
}

function addCreate(group: Command, action: Action): void {
  const create = group
    .command('create')
    .summary('create a workload identity')
    .description('Creates a workload identity and prints its id, which the jobs need.')
    .requiredOption('--name <text>', 'name shown to people')
    .addOption(
      new Option('--platform <platform>', 'platform of the jobs')
        .choices(WORKLOAD_PLATFORMS)
        .makeOptionMandatory(),
    )
    .option('--repository <path>', 'repository at GitHub, or project at GitLab, such as acme/shop')
    .option('--branch <name>', 'branch that the job runs for')
    .option('--environment <name>', 'environment of the job')
    .option('--event <name>', 'event that starts the job, such as pull_request (GitLab: pipeline source)');
  addRuleFlags(create)
    .option('--disable', 'create it disabled')
    .action(
      action(async (context, flags: CreateFlags) =>
        (await import('./workload-identities.js')).create(context, flags),
      ),
    );
  withHelp(create, {
    details: [
      'A token must meet every condition, and have one of the values of each. In values, * matches any characters ' +
        'except / and :, and ** matches any characters.',
      needsKey('team:write'),
    ],
    examples: EXAMPLES.create,
  });
}

function addRuleFlags(command: Command): Command {
  return command
    .option('--claim <name=value>', 'further condition; repeatable, also for several values', collectClaim)
    .option('--issuer <url>', 'issuer of the tokens; default: that of the platform')
    .option('--audience <text>', 'audience of the tokens; default: the URL of Culvert')
    .addOption(
      new Option(
        '--scope <scope>',
        `permission of the jobs; repeatable; default: ${DEFAULT_WORKLOAD_SCOPES.join(', ')}`,
      ).argParser(collectScope),
    )
    .option('--lifetime <duration>', "lifetime of Culvert's tokens: 1m to 1h (the default)", readDuration);
}

function addListAndShow(group: Command, action: Action): void {
  const list = group
    .command('list')
    .alias('ls')
    .summary('list workload identities')
    .description('Lists the workload identities of the team, newest first.')
    .action(action(async (context) => (await import('./workload-identities.js')).list(context)));
  withHelp(list, { examples: ['culvert workload-identity list'] });
  const show = group
    .command('show')
    .summary('show the conditions of a workload identity')
    .description('Shows a workload identity, its conditions, and which job last used it.')
    .addArgument(identityArgument())
    .action(
      action(async (context, reference: string) =>
        (await import('./workload-identities.js')).show(context, reference),
      ),
    );
  withHelp(show, { examples: ['culvert workload-identity show Shop'] });
}

function addUpdate(group: Command, action: Action): void {
  const update = group
    .command('update')
    .summary('change a workload identity')
    .description('Changes what is given. Any change but that of the name ends its tokens.')
    .addArgument(identityArgument())
    .option('--name <text>', 'new name')
    .addOption(new Option('--enable', 'let jobs sign in').conflicts('disable'))
    .addOption(new Option('--disable', 'let no job sign in').conflicts('enable'));
  addRuleFlags(update).action(
    action(async (context, reference: string, flags: ChangeFlags) =>
      (await import('./workload-identities.js')).update(context, reference, flags),
    ),
  );
  withHelp(update, {
    details: ['--claim and --scope replace all conditions or scopes.', needsKey('team:write')],
    examples: EXAMPLES.update,
  });
}

function addDelete(group: Command, action: Action): void {
  const remove = group
    .command('delete')
    .alias('rm')
    .summary('delete workload identities')
    .description('Deletes workload identities and ends their tokens. Previews stay.')
    .addArgument(identityArgument('<identities...>'))
    .action(
      action(async (context, references: string[]) =>
        (await import('./workload-identities.js')).remove(context, references),
      ),
    );
  withHelp(remove, {
    details: [needsKey('team:write')],
    examples: ['culvert workload-identity delete Shop'],
  });
}

function addTest(group: Command, action: Action): void {
  const test = group
    .command('test')
    .summary('check whether a token is accepted')
    .description('Checks a token of the platform against a workload identity, and shows what does not match.')
    .addArgument(identityArgument())
    .argument('[file]', 'file with the token; - or nothing: standard input', '-')
    .action(
      action(async (context, reference: string, file: string) =>
        (await import('./workload-identities.js')).test(context, reference, file),
      ),
    );
  withHelp(test, {
    details: ['Issues no token.', needsKey('team:write')],
    examples: ['culvert workload-identity test Shop token.txt'],
  });
}

function identityArgument(name = '<identity>'): Argument {
  return completed(new Argument(name, 'id or name of the workload identity'), 'workload-identity');
}

function collectScope(text: string, before: readonly string[] | undefined): string[] {
  if (!WORKLOAD_SCOPES.some((scope) => scope === text))
    throw new InvalidArgumentError(`Use one of ${WORKLOAD_SCOPES.join(', ')}.`);
  return [...(before ?? []), text];
}

function collectClaim(text: string, before: Claims | undefined): Claims {
  const at = text.indexOf('=');
  if (at < 1 || at === text.length - 1)
    throw new InvalidArgumentError('Use name=value, such as ref=refs/heads/main.');
  const [name, value] = [text.slice(0, at), text.slice(at + 1)];
  return { ...before, [name]: [...(before?.[name] ?? []), value] };
}
