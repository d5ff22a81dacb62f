import { Option, type Command } from 'commander';
import type { Action } from '../action.js';
import type { LoginFlags } from './login.js';
import { withHelp } from '../help/command-help.js';

/** Adds the commands that sign in, sign out and show who is signed in. */
export function addAccountCommands(program: Command, action: Action): void {
  const loginCommand = program
    .command('login')
    .summary('sign in, with a browser, a code or an API key')
    .description('Signs in to Culvert and stores the sign-in for later commands.')
    .option(
      '--apikey <key>',
      'sign in with this API key; "-" reads it from stdin, so that it appears in no process list',
    )
    .option('--no-browser', 'print the URL to open instead of opening it')
    .addOption(
      new Option(
        '--device',
        'show a code to enter in a browser on any machine (default where this one has no browser)',
      ).conflicts('apikey'),
    )
    .action(
      action(async (context, flags: LoginFlags) => {
        // The OAuth library loads slowly, and only these two commands need it.
        const { login } = await import('./login.js');
        await login(context, flags);
      }),
    );
  withHelp(loginCommand, {
    examples: [
      'culvert login --url https://culvert.example.com',
      'culvert login --device',
      'culvert login --apikey - < key-file',
    ],
  });
  const logoutCommand = program
    .command('logout')
    .summary('sign out on this machine and at Culvert')
    .description(
      'Deletes the stored sign-in. A browser sign-in also ends at Culvert. An API key keeps working.',
    )
    .action(
      action(async (context) => {
        const { logout } = await import('./logout.js');
        await logout(context);
      }),
    );
  withHelp(logoutCommand, { examples: ['culvert logout'] });
  const who = program
    .command('whoami')
    .summary('show who is signed in, for which team')
    .description('Asks Culvert who is signed in, for which team, and with which scopes.')
    .action(action(async (context) => (await import('./whoami.js')).whoami(context)));
  withHelp(who, { examples: ['culvert whoami', 'culvert whoami --output json'] });
}
