import { SESSION_STATES } from '@culvert/terms';
import { Argument, Option, type Command } from 'commander';
import type { Action } from '../action.js';
import { completed } from '../completion/completers.js';
import { withHelp } from '../help/command-help.js';
import { limitOption } from '../paging/first-items.js';
import type { ListFlags } from './sessions.js';

/** Adds the commands for sessions of traffic managers. */
export function addSessionsCommands(program: Command, action: Action): void {
  const sessions = program
    .command('sessions')
    .summary('list, show and end the sessions of traffic managers')
    .description('Lists, shows and ends sessions. A session begins when a traffic manager opens a tunnel.');
  withHelp(sessions, { examples: ['culvert sessions list --state connected'] });
  const list = sessions
    .command('list')
    .alias('ls')
    .summary('list sessions')
    .description('Lists sessions, newest first.')
    .addOption(new Option('--state <state>', 'list only sessions in this state').choices(SESSION_STATES))
    .addOption(
      completed(
        new Option('--traffic-manager <name>', 'list only sessions of this traffic manager'),
        'traffic-manager',
      ),
    )
    .addOption(limitOption('sessions'))
    .action(
      action(async (context, flags: ListFlags) =>
        (await import('./sessions.js')).listSessions(context, flags),
      ),
    );
  withHelp(list, {
    examples: ['culvert sessions list --state connected', 'culvert sessions list --traffic-manager staging'],
  });
  const show = sessions
    .command('show')
    .summary('show a session and its tunnels')
    .description('Shows the details of one session and its open tunnels.')
    .addArgument(sessionArgument())
    .action(
      action(async (context, reference: string) =>
        (await import('./sessions.js')).showSession(context, reference),
      ),
    );
  withHelp(show, { examples: ['culvert sessions show staging'] });
  const end = sessions
    .command('end')
    .summary('end a session')
    .description('Ends a session and closes its tunnels. The session is never resumed.')
    .addArgument(sessionArgument())
    .action(
      action(async (context, reference: string) =>
        (await import('./sessions.js')).endSession(context, reference),
      ),
    );
  withHelp(end, { examples: ['culvert sessions end staging'] });
}

function sessionArgument(): Argument {
  const meaning = 'id of the session, or name of a traffic manager that has one';
  return completed(new Argument('<session>', meaning), 'session');
}
