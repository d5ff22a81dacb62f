import type { Command } from 'commander';
import type { Action } from '../action.js';
import type { LoginFlags } from './login.js';
import { whoami } from './whoami.js';

const LOGIN_HELP = `
Examples:
  $ culvert login --url https://culvert.example.com
  $ culvert login --apikey - < key-file`;

/** Who uses this program, and where. */
export function addAccountCommands(program: Command, action: Action): void {
  program
    .command('login')
    .summary('sign in, with a browser or an API key')
    .description('Signs in at Culvert, and remembers it for the commands that follow.')
    .option('--apikey <key>', 'sign in with this API key; "-" reads it from stdin, where nobody else sees it')
    .option('--no-browser', 'print the address to open instead of opening it')
    .addHelpText('after', LOGIN_HELP)
    .action(
      action(async (context, flags: LoginFlags) => {
        // OAuth takes its time to load, and only these two need it.
        const { login } = await import('./login.js');
        await login(context, flags);
      }),
    );
  program
    .command('logout')
    .summary('sign out here, and end the sign-in at Culvert')
    .description(
      'Forgets the sign-in. One that came through a browser ends at Culvert too; an API key goes on.',
    )
    .action(
      action(async (context) => {
        const { logout } = await import('./logout.js');
        await logout(context);
      }),
    );
  program
    .command('whoami')
    .summary('show who is signed in, for which team')
    .description('Asks Culvert who is signed in, for which team, and what they may do.')
    .action(action(whoami));
}
