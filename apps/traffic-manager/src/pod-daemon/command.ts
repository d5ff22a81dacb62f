/** The pod daemon's command line and environment. The names are Telepresence's, so that its manifests work unchanged. */
import { hostname } from 'node:os';
import { parseHeaderFlag, RuleError, type HeaderRule } from '@culvert/intercepts';
import { checkClusterSecret, readManagerUrl } from '@culvert/meeting-point';
import {
  certificatesFile,
  checkKey,
  ConfigurationError,
  type ConfigurationProblem,
  LOG_LEVELS,
  logLevel,
  METRICS_VARIABLES,
  type MetricsPort,
  metricsPortOf,
  podNamespace,
  portNumber,
  readSecret,
  readVariables,
  anyText,
  textFile,
  withFlags,
  type LogLevel,
} from '@culvert/runtime';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { withoutPodSuffix } from '../identity.js';
import { parseHttpUrl } from '../options.js';
import { VERSION } from '../version.js';

/** Options of `startPodDaemon`. */
export interface PodDaemonOptions {
  readonly workload: string;
  readonly namespace: string;
  readonly kind: string;
  /** Port of the application beside it. */
  readonly port: number;
  /** Empty: the intercept is found by its id alone. */
  readonly headers: readonly HeaderRule[];
  /** Null: no preview. */
  readonly preview: PreviewOptions | null;
  /** URL of the traffic manager's meeting point. */
  readonly managerUrl: URL;
  /** PEM certificates to trust for it instead of the built-in ones. */
  readonly managerCa: (() => Promise<string>) | undefined;
  /** PEM certificates to trust for Culvert instead of the usual ones. */
  readonly ca: string | undefined;
  /** Null: the URL that the traffic manager reports. */
  readonly culvertUrl: URL | null;
  readonly apiKey: () => Promise<string>;
  /** Credential for the traffic manager. */
  readonly credential: () => Promise<string>;
  /** Client id, the same for every pod of its Deployment. */
  readonly clientId: string;
  readonly clientName: string;
  /** Port of `/healthz`, `/readyz` and `/metrics`, or null. */
  readonly adminPort: number | null;
  /** Where `/metrics` has a port of its own; null: with `/healthz`. */
  readonly metrics: MetricsPort | null;
}

export interface PreviewOptions {
  readonly host: string;
  readonly port: number;
  readonly useTls: boolean;
  readonly l5Host: string;
  readonly displayBanner: boolean;
  readonly pullRequestUrl: string | null;
  readonly addRequestHeaders: Readonly<Record<string, string>>;
}

export interface PodDaemonCommand {
  readonly options: PodDaemonOptions;
  readonly logLevel: LogLevel;
  /** Whether to check the ways to the traffic manager and Culvert and end, instead of connecting. */
  readonly isCheck: boolean;
}

interface Flags {
  readonly workloadName?: string;
  readonly workloadNamespace?: string;
  readonly workloadKind: string;
  readonly port: number;
  readonly httpHeader: (HeaderRule | null)[];
  readonly ingressTls: boolean;
  readonly ingressPort: number;
  readonly ingressHost?: string;
  readonly ingressL5host?: string;
  readonly pullRequest?: string;
  readonly previewUrlBanner: boolean;
  readonly previewUrlAddRequestHeaders: Record<string, string>;
  readonly previewUrl: boolean;
  readonly managerUrl?: string;
  readonly managerCaFile?: string;
  readonly caFile?: string;
  readonly adminPort?: string;
  readonly metricsPort?: string;
  readonly metricsAddress?: string;
  readonly logLevel?: string;
  readonly check?: boolean;
}

const ENVIRONMENT = `
Environment:
  AMBASSADOR_CLOUD_APIKEY, or CULVERT_API_KEY   the API key, with the scopes "intercepts:write", "previews:read" and
                                                "previews:write"; or a file that <variable>_FILE names
  CULVERT_CLUSTER_SECRET                        secret for the traffic manager, instead of the key; or a file that
                                                CULVERT_CLUSTER_SECRET_FILE names
  TELEPRESENCE_MANAGER_NAMESPACE                namespace of the traffic manager; default: ambassador
  CULVERT_URL                                   URL of Culvert; default: the one that the traffic manager reports
  POD_NAMESPACE                                 namespace of this pod; default: that of its service account`;

/** Environment variables of Culvert's own flags; all others are Telepresence's. */
const VARIABLES = {
  CULVERT_MANAGER_URL: anyText(),
  CULVERT_MANAGER_CA_FILE: certificatesFile('CULVERT_MANAGER_CA_FILE'),
  CULVERT_CA_FILE: textFile(),
  CULVERT_ADMIN_PORT: portNumber(),
  ...METRICS_VARIABLES,
  LOG_LEVEL: logLevel(),
} as const;

/** Returns the environment variable with the same meaning as a flag. */
const VARIABLE_OF = {
  managerUrl: 'CULVERT_MANAGER_URL',
  managerCaFile: 'CULVERT_MANAGER_CA_FILE',
  caFile: 'CULVERT_CA_FILE',
  adminPort: 'CULVERT_ADMIN_PORT',
  metricsPort: 'METRICS_PORT',
  metricsAddress: 'METRICS_ADDRESS',
  logLevel: 'LOG_LEVEL',
} as const satisfies { readonly [Flag in keyof Flags]?: keyof typeof VARIABLES };

/** Reads flags and environment. Throws ConfigurationError. `--help` and `--version` print and exit. */
export function readPodDaemonCommand(argv: readonly string[], env: NodeJS.ProcessEnv): PodDaemonCommand {
  const flags = parse(argv[0] === 'pod-daemon' ? argv.slice(1) : argv);
  const problems: ConfigurationProblem[] = [];
  const values = readVariables(VARIABLES, withFlags(env, flags, VARIABLE_OF), problems);
  if (problems.length > 0) throw new ConfigurationError(problems);
  const workload = flags.workloadName;
  if (!workload) throw new ConfigurationError('--workload-name must name the workload to intercept');
  const apiKey =
    readSecret(env, 'AMBASSADOR_CLOUD_APIKEY', checkKey) ?? readSecret(env, 'CULVERT_API_KEY', checkKey);
  if (apiKey === undefined) {
    throw new ConfigurationError(
      'AMBASSADOR_CLOUD_APIKEY (or CULVERT_API_KEY) must be set to an API key of Culvert',
    );
  }
  const ownNamespace = podNamespace(env);
  const managerCa = values.CULVERT_MANAGER_CA_FILE;
  const culvertUrl = env['CULVERT_URL'];
  const options: PodDaemonOptions = {
    workload,
    namespace: flags.workloadNamespace || ownNamespace || 'default',
    kind: flags.workloadKind,
    port: flags.port,
    headers: flags.httpHeader.filter((rule) => rule !== null),
    preview: flags.previewUrl ? previewOptions(flags) : null,
    managerUrl: readManagerUrl(values.CULVERT_MANAGER_URL, env, {
      isTls: managerCa !== undefined,
    }),
    managerCa,
    ca: values.CULVERT_CA_FILE,
    culvertUrl: culvertUrl ? parseHttpUrl('CULVERT_URL', culvertUrl) : null,
    apiKey,
    credential: readSecret(env, 'CULVERT_CLUSTER_SECRET', checkClusterSecret) ?? apiKey,
    clientId: `pod-daemon/${ownNamespace || 'default'}/${withoutPodSuffix(hostname())}`.slice(0, 128),
    clientName: `pod-daemon@${hostname()}`.slice(0, 128),
    adminPort: values.CULVERT_ADMIN_PORT ?? null,
    metrics: metricsPortOf(values),
  };
  return { options, logLevel: values.LOG_LEVEL ?? 'info', isCheck: flags.check === true };
}

function previewOptions(flags: Flags): PreviewOptions {
  const { ingressHost, ingressL5host, pullRequest, headers } = { ...flags, headers: flags.httpHeader };
  if (!ingressHost)
    throw new ConfigurationError('--ingress-host must name where requests of the preview enter the cluster');
  const matched = headers.flatMap((rule) =>
    rule !== null && 'value' in rule ? [[rule.name, rule.value]] : [],
  );
  return {
    host: ingressHost,
    port: flags.ingressPort,
    useTls: flags.ingressTls,
    l5Host: ingressL5host || ingressHost,
    displayBanner: flags.previewUrlBanner,
    pullRequestUrl: pullRequest || null,
    // The services on the way pass this header on, and the workload's agent looks for it.
    addRequestHeaders: { ...Object.fromEntries(matched), ...flags.previewUrlAddRequestHeaders },
  };
}

function parse(argv: readonly string[]): Flags {
  try {
    return commandLine().parse(argv, { from: 'user' }).opts<Flags>();
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === 0) process.exit(0);
    throw new ConfigurationError(error.message.replace(/^error: /, ''), { cause: error });
  }
}

function commandLine(): Command {
  const command = new Command('traffic-manager pod-daemon')
    .description(
      'Intercepts a workload for the application beside it in this pod, and creates a preview URL.',
    )
    .version(VERSION)
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .allowExcessArguments(false)
    .option('--workload-name <name>', 'workload to intercept; also the name of the intercept; required')
    .option('--workload-namespace <name>', "namespace of the workload; default: this pod's")
    .option('--workload-kind <kind>', 'kind of the workload', 'Deployment')
    .option('--port <port>', 'port of the application in this pod', port, 8080)
    .addOption(
      new Option(
        '--http-header <name=value>',
        'requests to intercept: must match all given headers; value or expression; or auto; repeatable',
      )
        .argParser(header)
        .default([], 'auto'),
    )
    .option('--ingress-tls [bool]', 'connect to the ingress with TLS', bool, true)
    .option('--ingress-port <port>', 'port of the ingress', port, 443)
    .option(
      '--ingress-host <host>',
      'host where requests of the preview enter the cluster; required for a preview',
    )
    .option('--ingress-l5host <host>', 'Host header and SNI sent to the ingress; default: --ingress-host')
    .option('--pull-request <url>', 'pull request on which to post the preview URL as a comment')
    .option('-b, --preview-url-banner [bool]', 'mark pages of the preview with a banner', bool, true)
    .addOption(
      new Option(
        '--preview-url-add-request-headers <name=value,...>',
        'headers to add to requests of the preview; repeatable',
      )
        .argParser(pairs)
        .default({}, 'none'),
    )
    .option('--preview-url [bool]', 'create a preview URL', bool, true)
    .option('--no-preview-url', 'create no preview URL');
  return withOwnOptions(command).addHelpText('after', ENVIRONMENT);
}

/** Adds the options that Telepresence's pod daemon does not have. */
function withOwnOptions(command: Command): Command {
  return command
    .option(
      '--manager-url <url>',
      'URL of the traffic manager; default: http://traffic-manager.<namespace>:8085, or https if --manager-ca-file is set (CULVERT_MANAGER_URL)',
    )
    .option(
      '--ca-file <path>',
      'file of PEM certificates to trust for Culvert, in addition to the usual ones (CULVERT_CA_FILE)',
    )
    .option(
      '--manager-ca-file <path>',
      'PEM certificates to trust for the traffic manager; implies https (CULVERT_MANAGER_CA_FILE)',
    )
    .option(
      '--admin-port <port>',
      'port of /healthz, /readyz and /metrics; default: off (CULVERT_ADMIN_PORT)',
    )
    .option('--metrics-port <port>', 'port of its own for /metrics; default: with /healthz (METRICS_PORT)')
    .option(
      '--metrics-address <address>',
      'address to listen on for it; default: 127.0.0.1 (METRICS_ADDRESS)',
    )
    .option('--log-level <level>', `one of ${LOG_LEVELS.join(', ')}; default: info (LOG_LEVEL)`)
    .option(
      '--check',
      'check the ways to the traffic manager and to Culvert, print what was found, and exit',
    );
}

function port(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= 65_535) return value;
  throw new InvalidArgumentError('Use a port from 1 to 65535.');
}

/** Reads booleans like Go's flags; `-b=false` arrives here as `=false`. */
function bool(text: string): boolean {
  const value = text.replace(/^=/, '').toLowerCase();
  if (['true', 't', '1'].includes(value)) return true;
  if (['false', 'f', '0'].includes(value)) return false;
  throw new InvalidArgumentError('Use true or false.');
}

function header(text: string, before: (HeaderRule | null)[]): (HeaderRule | null)[] {
  try {
    return [...before, parseHeaderFlag(text)];
  } catch (error) {
    if (error instanceof RuleError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}

function pairs(text: string, before: Record<string, string>): Record<string, string> {
  const entries = text.split(',').map((pair) => {
    const at = pair.indexOf('=');
    if (at < 1) throw new InvalidArgumentError('Use NAME=VALUE; separate several by commas.');
    return [pair.slice(0, at).trim(), pair.slice(at + 1).trim()];
  });
  return { ...before, ...Object.fromEntries(entries) };
}
