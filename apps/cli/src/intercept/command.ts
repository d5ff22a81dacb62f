import { Option, type Command } from 'commander';
import type { Action } from '../action.js';
import type { InterceptFlags, LeaveFlags } from './intercept-flags.js';
import { collect, collectHeader, readExpiry, readPort } from '../flags.js';

const HELP = `
Has requests of a workload in a cluster come to this machine: those with all of the headers, or, without --http-header, those
with the intercept's id in x-telepresence-intercept-id. All others stay in the cluster. Runs until Ctrl-C, or until the
command after -- ends, whose exit code it then has.

It needs the address of the cluster's traffic manager, such as after
  $ kubectl port-forward --namespace ambassador service/traffic-manager 8085
and a credential: yours, or CULVERT_CLUSTER_SECRET.

Examples:
  $ culvert intercept orders --port 8080 --http-header x-dev=alice --manager http://localhost:8085
  $ culvert intercept orders -n shop --port 8080:http --http-header x-dev=alice --preview-url
  $ culvert intercept orders --port 8080 --http-header 'x-dev=(alice|bob)' -- npm run dev`;

/** Requests of a workload come to this machine. */
export function addInterceptCommands(program: Command, action: Action): void {
  addIntercept(program, action);
  addLeave(program, action);
}

export function managerOption(): Option {
  return new Option('--manager <url>', "the cluster's traffic manager (CULVERT_CLUSTER_URL)");
}

function addIntercept(program: Command, action: Action): void {
  program
    .command('intercept')
    .argument('<workload>', 'whose requests; with --workload what the intercept is called')
    .argument('[command...]', 'after --: runs with the intercept, and ends it')
    .summary('have requests of a workload come to this machine')
    .description('Intercepts a workload of a cluster, for as long as the command runs.')
    .requiredOption('-p, --port <local[:remote]>', 'where requests go here, and which port of the workload')
    .option('--address <host>', 'of what listens on the local port', 'localhost')
    .option('-w, --workload <name>', 'the workload, where the intercept has another name')
    .option('-n, --namespace <name>', 'where the workload is', 'default')
    .option('--workload-kind <kind>', 'of the workload', 'Deployment')
    .option(
      '--http-header <name=value>',
      'which requests: all of several; a value or a regular expression; or auto. Repeatable',
      collect,
    )
    .addOption(new Option('--http-match <name=value>', 'the same').argParser(collect).hideHelp())
    .addOption(managerOption())
    .option('-u, --preview-url', 'make a preview URL', false)
    .option('--no-preview-url', 'make none (the default)')
    .option(
      '--ingress-host <host>',
      'where requests of the preview enter the cluster; default: <workload>.<namespace>',
    )
    .option('--ingress-port <port>', 'of the ingress; default: 80, with TLS 443', readPort)
    .option('--ingress-tls', 'whether the ingress speaks TLS')
    .option('--ingress-l5host <host>', 'Host and SNI that the ingress sees; default: --ingress-host')
    .addOption(new Option('--ingress-l5 <host>', 'the same').hideHelp())
    .option(
      '--add-request-header <name=value>',
      'a further header on requests of the preview; repeatable',
      collectHeader,
    )
    .addOption(
      new Option('--access <access>', 'who may open the preview').choices(['team', 'public']).default('team'),
    )
    .option('--expires <when>', 'when the preview ends: 12h, 7d, or a moment; default: never', readExpiry)
    .option('--banner', 'show on pages of the preview that they are one (the default)', true)
    .option('--no-banner', 'do not show it')
    .option('--pull-request <url>', 'the pull request that gets a comment with the URL')
    .addOption(new Option('--qr', 'print the URL as a QR code too'))
    .option('--no-qr', 'do not print it')
    .option('--no-log', 'do not show requests')
    .addHelpText('after', HELP)
    .action(
      action(async (context, workload: string, command: string[], flags: InterceptFlags) => {
        const { intercept } = await import('./intercept.js');
        return intercept(context, workload, command, flags);
      }),
    );
}

function addLeave(program: Command, action: Action): void {
  program
    .command('leave')
    .argument('<name>', 'of the intercept, which is the workload unless it was given another')
    .summary('end an intercept of this machine')
    .description('Ends an intercept of yours on this machine, whichever terminal it runs in.')
    .option('-n, --namespace <name>', 'where the workload is; default: any')
    .addOption(managerOption())
    .action(
      action(async (context, name: string, flags: LeaveFlags) => {
        const { leave } = await import('./leave.js');
        return leave(context, name, flags);
      }),
    );
}
