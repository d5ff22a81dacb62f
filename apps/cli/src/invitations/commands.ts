import { ROLES } from '@culvert/terms';
import { Argument, Option, type Command } from 'commander';
import type { Action } from '../action.js';
import { completed } from '../completion/completers.js';
import { withHelp } from '../help/command-help.js';
import { needsKey } from '../help/needs-key.js';
import type { InviteFlags } from './invitations.js';

/** Adds the commands for invitations to the team. */
export function addInvitationsCommands(program: Command, action: Action): void {
  const invitations = program
    .command('invitations')
    .summary('invite people to the team')
    .description('Creates, lists, renews and revokes invitations to the team.');
  withHelp(invitations, { examples: ['culvert invitations create jo@example.com'] });
  const create = invitations
    .command('create')
    .summary('invite a person')
    .description('Invites a person and prints the link with which they accept. It is open for seven days.')
    .argument('<email>', 'address of the person, with which they sign in')
    .addOption(new Option('--role <role>', 'role in the team').choices(ROLES).default('member'))
    .action(
      action(async (context, email: string, flags: InviteFlags) =>
        (await import('./invitations.js')).invite(context, email, flags),
      ),
    );
  withHelp(create, {
    details: [
      'The link is never shown again. "culvert invitations renew" makes another one.',
      needsKey('team:write'),
    ],
    examples: ['culvert invitations create jo@example.com --role admin'],
  });
  const list = invitations
    .command('list')
    .alias('ls')
    .summary('list open invitations')
    .description('Lists open invitations, newest first.')
    .action(action(async (context) => (await import('./invitations.js')).listInvitations(context)));
  withHelp(list, { examples: ['culvert invitations list'] });
  const renew = invitations
    .command('renew')
    .summary('renew an invitation with a new link')
    .description('Renews an invitation for seven days and prints its new link. The old link stops working.')
    .addArgument(invitationArgument('<invitation>'))
    .action(
      action(async (context, reference: string) =>
        (await import('./invitations.js')).renew(context, reference),
      ),
    );
  withHelp(renew, {
    details: [needsKey('team:write')],
    examples: ['culvert invitations renew jo@example.com'],
  });
  const revoke = invitations
    .command('revoke')
    .summary('revoke invitations')
    .description('Revokes invitations. Their links stop working.')
    .addArgument(invitationArgument('<invitations...>'))
    .action(
      action(async (context, references: string[]) =>
        (await import('./invitations.js')).revoke(context, references),
      ),
    );
  withHelp(revoke, {
    details: [needsKey('team:write')],
    examples: ['culvert invitations revoke jo@example.com'],
  });
}

function invitationArgument(name: string): Argument {
  return completed(new Argument(name, 'address of the invited person, or id'), 'invitation');
}
