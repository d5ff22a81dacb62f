import { Option, type Command } from 'commander';
import type { Action } from '../action.js';
import type { InterceptFlags, LeaveFlags } from './intercept-flags.js';
import { withHelp } from '../help/command-help.js';
import { collect, collectHeader, readExpiry, readPort } from '../flags.js';

const HELP = {
  details: [
    'Routes requests of a workload in a cluster to this machine: those that match all of the headers or, without ' +
      "--http-header, those with the intercept's id in x-telepresence-intercept-id. All others stay in the cluster. " +
      'Runs until Ctrl-C, or until the command after -- ends. In that case it ends with the exit code of that command.',
    "It needs the URL of the cluster's traffic manager, for example after",
    '  $ kubectl port-forward --namespace ambassador service/traffic-manager 8085',
    'and a credential: your sign-in, or CULVERT_CLUSTER_SECRET.',
  ],
  examples: [
    'culvert intercept orders --port 8080 --http-header x-dev=alice \\\n  --manager http://localhost:8085',
    'culvert intercept orders -n shop --port 8080:http \\\n  --http-header x-dev=alice --preview-url',
    "culvert intercept orders --port 8080 --http-header 'x-dev=(alice|bob)' \\\n  -- npm run dev",
  ],
} as const;

/** Adds the commands that route requests of a workload to this machine. */
export function addInterceptCommands(program: Command, action: Action): void {
  addIntercept(program, action);
  addLeave(program, action);
}

export function managerOption(): Option {
  return new Option('--manager <url>', "URL of the cluster's traffic manager (CULVERT_CLUSTER_URL)");
}

function addIntercept(program: Command, action: Action): void {
  const added = program
    .command('intercept')
    .argument('<workload>', 'the workload to intercept; with --workload, the name of the intercept')
    .argument(
      '[command...]',
      'after --: a command to run for as long as the intercept; when it ends, the intercept ends',
    )
    .summary('route requests of a workload to this machine')
    .description('Intercepts a workload of a cluster for as long as the command runs.')
    .requiredOption(
      '-p, --port <local[:remote]>',
      'local port that receives requests, and port of the workload',
    )
    .option('--address <host>', 'host of the local port', 'localhost')
    .option('-w, --workload <name>', 'the workload, if the intercept has another name')
    .option('-n, --namespace <name>', 'namespace of the workload', 'default')
    .option('--workload-kind <kind>', 'kind of the workload', 'Deployment')
    .option(
      '--http-header <name=value>',
      'requests to intercept: must match all given headers; a value, a regular expression, or auto; repeatable',
      collect,
    )
    .addOption(new Option('--http-match <name=value>', 'same as --http-header').argParser(collect).hideHelp())
    .addOption(managerOption())
    .addOption(new Option('-u, --preview-url', 'create a preview URL').default(false, 'no'))
    .option('--no-preview-url', 'create no preview URL')
    .option(
      '--ingress-host <host>',
      'host where requests of the preview enter the cluster; default: <workload>.<namespace>',
    )
    .option('--ingress-port <port>', 'port of the ingress; default: 80, or 443 with --ingress-tls', readPort)
    .option('--ingress-tls', 'connect to the ingress with TLS')
    .option('--ingress-l5host <host>', 'Host header and SNI sent to the ingress; default: --ingress-host')
    .addOption(new Option('--ingress-l5 <host>', 'same as --ingress-l5host').hideHelp())
    .option(
      '--add-request-header <name=value>',
      'header to add to requests of the preview; repeatable',
      collectHeader,
    )
    .addOption(
      new Option('--access <access>', 'who may open the preview').choices(['team', 'public']).default('team'),
    )
    .option('--expires <when>', 'when the preview expires: 12h, 7d, a time, or never', readExpiry)
    .addOption(new Option('--banner', 'mark pages of the preview with a banner').default(true, 'yes'))
    .option('--no-banner', 'show no banner')
    .option('--pull-request <url>', 'pull request on which to post the URL as a comment')
    .addOption(new Option('--qr', 'also print the URL as a QR code'))
    .option('--no-qr', 'print no QR code')
    .option('--no-log', 'do not show requests')
    .action(
      action(async (context, workload: string, command: string[], flags: InterceptFlags) => {
        const { intercept } = await import('./intercept.js');
        return intercept(context, workload, command, flags);
      }),
    );
  withHelp(added, HELP);
}

function addLeave(program: Command, action: Action): void {
  const command = program
    .command('leave')
    .argument('<name>', "the intercept; its name is the workload's unless you gave another")
    .summary('end an intercept on this machine')
    .description('Ends one of your intercepts on this machine, whichever terminal it runs in.')
    .option('-n, --namespace <name>', 'namespace of the workload; default: any')
    .addOption(managerOption())
    .action(
      action(async (context, name: string, flags: LeaveFlags) => {
        const { leave } = await import('./leave.js');
        return leave(context, name, flags);
      }),
    );
  withHelp(command, { examples: ['culvert leave orders', 'culvert leave orders --namespace shop'] });
}
