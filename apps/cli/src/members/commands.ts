import { ROLES, type Role } from '@culvert/terms';
import { Argument, type Command } from 'commander';
import type { Action } from '../action.js';
import { completed } from '../completion/completers.js';
import { withHelp } from '../help/command-help.js';
import { needsKey } from '../help/needs-key.js';
import type { RemoveFlags } from './members.js';

/** Adds the commands for the people of the team. */
export function addMembersCommands(program: Command, action: Action): void {
  const members = program
    .command('members')
    .summary('list the members of the team, change their roles, remove them')
    .description('Lists the members of the team, changes their roles and removes them.');
  withHelp(members, { examples: ['culvert members list', 'culvert members set-role jo@example.com admin'] });
  const list = members
    .command('list')
    .alias('ls')
    .summary('list the members of the team')
    .description('Lists the members of the team in the order in which they joined.')
    .action(action(async (context) => (await import('./members.js')).listMembers(context)));
  withHelp(list, { examples: ['culvert members list'] });
  const setRole = members
    .command('set-role')
    .summary('change the role of a member')
    .description('Changes the role of a member. Revokes their API keys that have scopes beyond the new role.')
    .addArgument(memberArgument())
    .addArgument(new Argument('<role>', 'the new role').choices(ROLES))
    .action(
      action(async (context, member: string, role: Role) =>
        (await import('./members.js')).setRole(context, member, role),
      ),
    );
  withHelp(setRole, {
    details: [needsKey('team:write')],
    examples: ['culvert members set-role jo@example.com admin'],
  });
  const remove = members
    .command('remove')
    .alias('rm')
    .summary('remove members from the team')
    .description(
      'Removes members from the team and revokes the API keys that they created. Share links, tokens and ' +
        'invitations that they created keep working, unless --revoke-credentials is given. Workload identities that ' +
        'they created stay: they belong to the team.',
    )
    .addArgument(memberArgument('<members...>'))
    .option('--revoke-credentials', 'also revoke every credential that they created in the team')
    .action(
      action(async (context, references: string[], flags: RemoveFlags) =>
        (await import('./members.js')).removeMembers(context, references, flags),
      ),
    );
  withHelp(remove, {
    details: [needsKey('team:write')],
    examples: ['culvert members remove jo@example.com --revoke-credentials'],
  });
  addCredentials(members, action);
}

function addCredentials(members: Command, action: Action): void {
  const credentials = members
    .command('credentials')
    .summary('list the working credentials that a person created in the team')
    .description(
      'Lists API keys, share links, preview tokens and invitations that a person created and that still work. ' +
        'For a former member, give the id.',
    )
    .addArgument(memberArgument())
    .action(
      action(async (context, member: string) =>
        (await import('./members.js')).listCredentials(context, member),
      ),
    );
  withHelp(credentials, {
    details: [needsKey('team:write')],
    examples: ['culvert members credentials jo@example.com'],
  });
  const revoke = members
    .command('revoke-credentials')
    .summary('revoke all credentials that a person created in the team')
    .description(
      'Revokes all API keys, share links, preview tokens and invitations that a person created in the team, at once ' +
        'and for good. For a former member, give the id.',
    )
    .addArgument(memberArgument())
    .action(
      action(async (context, member: string) =>
        (await import('./members.js')).revokeCredentials(context, member),
      ),
    );
  withHelp(revoke, {
    details: [needsKey('team:write')],
    examples: ['culvert members revoke-credentials jo@example.com'],
  });
}

function memberArgument(name = '<member>'): Argument {
  return completed(new Argument(name, 'email address or id of the person'), 'member');
}
