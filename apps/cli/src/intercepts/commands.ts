import { DISPOSITIONS } from '@culvert/terms';
import { Argument, Option, type Command } from 'commander';
import type { Action } from '../action.js';
import { completed } from '../completion/completers.js';
import { collect, collectPair, readPort } from '../flags.js';
import { withHelp } from '../help/command-help.js';
import type { CreateFlags, InterceptFields, ListFlags } from './intercepts.js';

/** Adds the commands for the intercepts that Culvert knows. `culvert intercept` makes one in a cluster. */
export function addInterceptsCommands(program: Command, action: Action): void {
  const intercepts = program
    .command('intercepts')
    .summary('show, describe and remove intercepts that Culvert knows')
    .description(
      'Shows, describes and removes intercepts as Culvert knows them. The cluster does the intercepting: ' +
        '"culvert intercept" starts one.',
    );
  withHelp(intercepts, { examples: ['culvert intercepts list', 'culvert intercepts show checkout'] });
  const list = intercepts
    .command('list')
    .alias('ls')
    .summary('list the intercepts that Culvert knows')
    .description('Lists the intercepts that Culvert knows, newest first, with their ids.')
    .addOption(
      completed(
        new Option('--traffic-manager <name>', 'list only intercepts of this traffic manager'),
        'traffic-manager',
      ),
    )
    .action(
      action(async (context, flags: ListFlags) =>
        (await import('./intercepts.js')).listIntercepts(context, flags),
      ),
    );
  withHelp(list, { examples: ['culvert intercepts list --traffic-manager staging'] });
  const show = intercepts
    .command('show')
    .summary('show the details of an intercept')
    .description('Shows the details of one intercept.')
    .addArgument(interceptArgument())
    .action(
      action(async (context, reference: string) =>
        (await import('./intercepts.js')).showIntercept(context, reference),
      ),
    );
  withHelp(show, { examples: ['culvert intercepts show checkout'] });
  addCreate(intercepts, action);
  addUpdate(intercepts, action);
  const remove = intercepts
    .command('remove')
    .alias('rm')
    .summary('remove intercepts with their previews')
    .description('Removes intercepts from Culvert, with their previews.')
    .addArgument(interceptArgument('<intercepts...>'))
    .action(
      action(async (context, references: string[]) =>
        (await import('./intercepts.js')).removeIntercepts(context, references),
      ),
    );
  withHelp(remove, { examples: ['culvert intercepts remove checkout'] });
}

function addCreate(intercepts: Command, action: Action): void {
  const create = intercepts
    .command('create')
    .summary('describe an intercept to Culvert')
    .description('Describes an intercept to Culvert, for programs that intercept by themselves.')
    .argument('<name>', 'name of the intercept')
    .requiredOption('--workload <name>', 'workload whose traffic is intercepted')
    .addOption(
      completed(
        new Option(
          '--traffic-manager <name>',
          'name or id of the traffic manager; needed if there are several',
        ),
        'traffic-manager',
      ),
    )
    .action(
      action(async (context, name: string, flags: CreateFlags) =>
        (await import('./intercepts.js')).createIntercept(context, name, flags),
      ),
    );
  addFields(create);
  withHelp(create, { examples: ['culvert intercepts create checkout --workload checkout -n shop'] });
}

function addUpdate(intercepts: Command, action: Action): void {
  const update = intercepts
    .command('update')
    .summary('change what Culvert knows of an intercept')
    .description('Changes the fields of an intercept that are given, and keeps all others.')
    .addArgument(interceptArgument())
    .option('--workload <name>', 'workload whose traffic is intercepted')
    .action(
      action(async (context, reference: string, flags: InterceptFields) =>
        (await import('./intercepts.js')).updateIntercept(context, reference, flags),
      ),
    );
  addFields(update);
  withHelp(update, { examples: ['culvert intercepts update checkout --disposition ACTIVE'] });
}

function addFields(command: Command): void {
  command
    .option('-n, --namespace <name>', 'namespace of the workload')
    .option('--workload-kind <kind>', 'kind of the workload, such as Deployment')
    .option('--client <name>', 'person or machine that intercepts, such as ann@laptop')
    .option('--mechanism <name>', 'http or tcp')
    .option('--mechanism-arg <text>', 'argument of the mechanism; repeatable', collect)
    .option('--target-host <host>', 'host that receives the requests')
    .option('--target-port <port>', 'port that receives the requests', readPort)
    .option('--service <name>', 'service of the workload')
    .option('--service-port <port>', 'name or number of the port of the service')
    .addOption(new Option('--disposition <state>', 'state of the intercept').choices(DISPOSITIONS))
    .option('--message <text>', 'explanation of the state')
    .option('--metadata <key=value>', 'text that programs keep with it; repeatable', collectPair)
    .option('--header <name=value>', 'request header that the cluster matches; repeatable', collectPair);
}

function interceptArgument(name = '<intercept>'): Argument {
  return completed(new Argument(name, 'name or id of the intercept'), 'intercept');
}
