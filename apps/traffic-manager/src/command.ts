/** The command line and the environment: the name of each setting, and how its value is read. */
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { checkClusterSecret } from '@culvert/meeting-point';
import { MAX_LEGS } from '@culvert/outbound';
import {
  type CertificateFiles,
  checkKey,
  ConfigurationError,
  type ConfigurationProblem,
  integer,
  list,
  LOG_LEVELS,
  logLevel,
  METRICS_VARIABLES,
  metricsPortOf,
  podNamespace,
  portNumber,
  readSecret,
  readText,
  readVariables,
  anyText,
  textFile,
  type VariableValues,
  withFlags,
  withoutUndefined,
  type LogLevel,
} from '@culvert/runtime';
import { Command, Option } from 'commander';
import { CLUSTER_CA_FILE, findClusterId, findManagerId } from './identity.js';
import type { TrafficManagerOptions } from './options.js';
import { VERSION } from './version.js';

export interface CommandSettings {
  readonly options: TrafficManagerOptions;
  readonly logLevel: LogLevel;
  /** Whether to check the way to Culvert and end, instead of connecting. */
  readonly isCheck: boolean;
}

interface Flags {
  readonly url?: string;
  readonly managerId?: string;
  readonly name?: string;
  readonly clusterId?: string;
  readonly tunnels?: string;
  readonly stateDir?: string;
  readonly caFile?: string;
  readonly ingressCaFile?: string;
  readonly allow?: string[];
  readonly connectTimeoutMs?: string;
  readonly drainMs?: string;
  readonly adminPort?: string;
  readonly metricsPort?: string;
  readonly metricsAddress?: string;
  readonly clusterPort?: string;
  readonly clusterTlsCertFile?: string;
  readonly clusterTlsKeyFile?: string;
  readonly clientGraceMs?: string;
  readonly logLevel?: string;
  readonly check?: boolean;
}

/** The only flag that may be repeated. */
const ALLOW_FLAG = '--allow <target>';

/** Flags of the command line, each with its variable and what it is for. */
const FLAGS: readonly (readonly [flag: string, variable: string, text: string])[] = [
  ['--url <url>', 'CULVERT_URL', 'URL of Culvert, http or https; required'],
  [
    '--manager-id <id>',
    'CULVERT_MANAGER_ID',
    'id of this traffic manager; default: kept in the state directory, or derived from the host name',
  ],
  ['--name <name>', 'CULVERT_MANAGER_NAME', 'name shown to people; default: the host name'],
  [
    '--cluster-id <id>',
    'CULVERT_CLUSTER_ID',
    'id of this cluster; default in Kubernetes: from its certificates',
  ],
  ['--tunnels <n>', 'CULVERT_TUNNELS', `tunnels to keep, each to another edge, 1 to ${MAX_LEGS}; default: 2`],
  ['--state-dir <path>', 'CULVERT_STATE_DIR', 'folder that keeps the manager id; in Kubernetes only if set'],
  [
    '--ca-file <path>',
    'CULVERT_CA_FILE',
    'file of PEM certificates to trust for Culvert, in addition to the usual ones',
  ],
  [
    '--ingress-ca-file <path>',
    'CULVERT_INGRESS_CA_FILE',
    'PEM certificates to trust for services, in addition to the usual ones',
  ],
  [
    ALLOW_FLAG,
    'CULVERT_ALLOW, separated by commas',
    'HOST, *.SUFFIX, address or CIDR range, each with an optional :PORT, that it may connect to; repeatable; default: all except loopback, link-local and cloud metadata addresses, which need a rule of their own. An empty variable is the same as none',
  ],
  [
    '--connect-timeout-ms <ms>',
    'CULVERT_CONNECT_TIMEOUT_MS',
    'limit for one connection attempt; default: 10000',
  ],
  ['--drain-ms <ms>', 'CULVERT_DRAIN_MS', 'how long open streams may continue after SIGTERM; default: 30000'],
  ['--admin-port <port>', 'CULVERT_ADMIN_PORT', 'port of /healthz, /readyz and /metrics; default: off'],
  ['--metrics-port <port>', 'METRICS_PORT', 'port of its own for /metrics; default: with /healthz'],
  ['--metrics-address <address>', 'METRICS_ADDRESS', 'address to listen on for it; default: 127.0.0.1'],
  [
    '--cluster-port <port>',
    'CULVERT_CLUSTER_PORT',
    'port where traffic agents and clients inside the cluster meet; default: off',
  ],
  [
    '--cluster-tls-cert-file <path>',
    'CULVERT_CLUSTER_TLS_CERT_FILE',
    'PEM certificate of that port; default: plain text',
  ],
  ['--cluster-tls-key-file <path>', 'CULVERT_CLUSTER_TLS_KEY_FILE', 'PEM key of the certificate'],
  [
    '--client-grace-ms <ms>',
    'CULVERT_CLIENT_GRACE_MS',
    'how long to keep the intercepts of a disconnected client; default: 60000',
  ],
  ['--log-level <level>', 'LOG_LEVEL', `one of ${LOG_LEVELS.join(', ')}; default: info`],
];

const SECRETS = `
Secrets come only from the environment, since command lines are visible to everyone on a machine:
  CULVERT_API_KEY              the API key, with the scope "tunnel"; to report intercepts also "sessions:read",
                               "intercepts:read" and "intercepts:write"
  CULVERT_API_KEY_FILE         a file that holds it instead; read again before every attempt
  CULVERT_CLUSTER_SECRET       secret that agents and clients may use at the cluster port instead of an API key
  CULVERT_CLUSTER_SECRET_FILE  a file that holds it instead`;

const milliseconds = (min: number, max: number) => integer({ min, max, what: 'a number of milliseconds' });

const VARIABLES = {
  CULVERT_URL: anyText(),
  CULVERT_MANAGER_ID: anyText(),
  CULVERT_MANAGER_NAME: anyText(),
  CULVERT_CLUSTER_ID: anyText(),
  CULVERT_TUNNELS: integer({ min: 1, max: MAX_LEGS, what: 'a number of tunnels' }),
  CULVERT_STATE_DIR: anyText(),
  CULVERT_CA_FILE: textFile(),
  CULVERT_INGRESS_CA_FILE: textFile(),
  // The list of rules checks each rule, and names the one that is wrong.
  CULVERT_ALLOW: list((rule) => rule, 'rules separated by commas'),
  CULVERT_CONNECT_TIMEOUT_MS: milliseconds(1, 600_000),
  CULVERT_DRAIN_MS: milliseconds(0, 3_600_000),
  CULVERT_ADMIN_PORT: portNumber(),
  ...METRICS_VARIABLES,
  CULVERT_CLUSTER_PORT: portNumber(),
  CULVERT_CLUSTER_TLS_CERT_FILE: anyText(),
  CULVERT_CLUSTER_TLS_KEY_FILE: anyText(),
  CULVERT_CLIENT_GRACE_MS: milliseconds(0, 86_400_000),
  LOG_LEVEL: logLevel(),
} as const;

/** Returns the environment variable with the same meaning as a flag. */
const VARIABLE_OF = {
  url: 'CULVERT_URL',
  managerId: 'CULVERT_MANAGER_ID',
  name: 'CULVERT_MANAGER_NAME',
  clusterId: 'CULVERT_CLUSTER_ID',
  tunnels: 'CULVERT_TUNNELS',
  stateDir: 'CULVERT_STATE_DIR',
  caFile: 'CULVERT_CA_FILE',
  ingressCaFile: 'CULVERT_INGRESS_CA_FILE',
  allow: 'CULVERT_ALLOW',
  connectTimeoutMs: 'CULVERT_CONNECT_TIMEOUT_MS',
  drainMs: 'CULVERT_DRAIN_MS',
  adminPort: 'CULVERT_ADMIN_PORT',
  metricsPort: 'METRICS_PORT',
  metricsAddress: 'METRICS_ADDRESS',
  clusterPort: 'CULVERT_CLUSTER_PORT',
  clusterTlsCertFile: 'CULVERT_CLUSTER_TLS_CERT_FILE',
  clusterTlsKeyFile: 'CULVERT_CLUSTER_TLS_KEY_FILE',
  clientGraceMs: 'CULVERT_CLIENT_GRACE_MS',
  logLevel: 'LOG_LEVEL',
} as const satisfies Record<Exclude<keyof Flags, 'check'>, keyof typeof VARIABLES>;

type Values = VariableValues<typeof VARIABLES>;

/** Reads flags and environment. Throws ConfigurationError. `--help` and `--version` print and exit. */
export function readCommand(
  argv: readonly string[],
  env: NodeJS.ProcessEnv,
  clusterCaFile: string = CLUSTER_CA_FILE,
): CommandSettings {
  const flags = commandLine().parse(argv, { from: 'user' }).opts<Flags>();
  const problems: ConfigurationProblem[] = [];
  const values = readVariables(VARIABLES, withFlags(env, flags, VARIABLE_OF), problems);
  // An empty shell variable must not replace all rules.
  if (flags.allow?.some((rule) => rule.trim() === ''))
    problems.push({
      variable: 'CULVERT_ALLOW',
      expected: 'rules that are not empty (leave --allow out to permit all ordinary addresses)',
      got: '',
    });
  const clusterTls = readClusterTls(values, problems);
  if (problems.length > 0) throw new ConfigurationError(problems);
  const options = {
    url: values.CULVERT_URL ?? '',
    apiKey: apiKeySource(env),
    managerId:
      values.CULVERT_MANAGER_ID ??
      findManagerId({
        stateDirectory: stateDirectory(values.CULVERT_STATE_DIR, env),
        hostname: hostname(),
        namespace: podNamespace(env),
      }),
    name: values.CULVERT_MANAGER_NAME,
    clusterId: values.CULVERT_CLUSTER_ID ?? findClusterId(clusterCaFile) ?? undefined,
    tunnels: values.CULVERT_TUNNELS,
    ca: values.CULVERT_CA_FILE,
    ingressCa: values.CULVERT_INGRESS_CA_FILE,
    allow: values.CULVERT_ALLOW ?? [],
    connectTimeoutMs: values.CULVERT_CONNECT_TIMEOUT_MS,
    drainMs: values.CULVERT_DRAIN_MS,
    adminPort: values.CULVERT_ADMIN_PORT,
    metrics: metricsPortOf(values) ?? undefined,
    clusterPort: values.CULVERT_CLUSTER_PORT,
    clusterTls,
    clusterSecret: clusterSecret(env),
    clientGraceMs: values.CULVERT_CLIENT_GRACE_MS,
  };
  return {
    options: withoutUndefined(options),
    logLevel: values.LOG_LEVEL ?? 'info',
    isCheck: flags.check === true,
  };
}

function commandLine(): Command {
  const command = new Command('traffic-manager')
    .description('Dials out to Culvert and connects its streams to services in this network.')
    .version(VERSION)
    .option('--check', 'check the way to Culvert and the key, print what was found, and exit')
    .addHelpText('after', SECRETS);
  for (const [flag, variable, text] of FLAGS) {
    const option = new Option(flag, `${text} (${variable})`);
    if (flag === ALLOW_FLAG)
      option.argParser((target: string, before: string[] | undefined) => [...(before ?? []), target]);
    command.addOption(option);
  }
  return command;
}

function readClusterTls(values: Values, problems: ConfigurationProblem[]): CertificateFiles | undefined {
  const { CULVERT_CLUSTER_TLS_CERT_FILE: certFile, CULVERT_CLUSTER_TLS_KEY_FILE: keyFile } = values;
  if (certFile !== undefined && keyFile !== undefined) return { certFile, keyFile };
  if (certFile !== undefined || keyFile !== undefined) {
    const variable =
      certFile === undefined ? 'CULVERT_CLUSTER_TLS_CERT_FILE' : 'CULVERT_CLUSTER_TLS_KEY_FILE';
    problems.push({ variable, expected: 'set as well: TLS needs a certificate and its key' });
  }
  return undefined;
}

function clusterSecret(env: NodeJS.ProcessEnv): string | undefined {
  const secret = env['CULVERT_CLUSTER_SECRET'];
  const path = env['CULVERT_CLUSTER_SECRET_FILE'];
  if (secret) return checkClusterSecret(secret.trim());
  return path ? checkClusterSecret(readText('CULVERT_CLUSTER_SECRET_FILE', path).trim()) : undefined;
}

function apiKeySource(env: NodeJS.ProcessEnv): TrafficManagerOptions['apiKey'] {
  const source = readSecret(env, 'CULVERT_API_KEY', checkKey);
  if (source !== undefined) return source;
  throw new ConfigurationError(
    'CULVERT_API_KEY, or CULVERT_API_KEY_FILE, must be set to an API key of Culvert',
  );
}

/** A container's own file system disappears with the container, so an id kept there would not be stable. */
function stateDirectory(given: string | undefined, env: NodeJS.ProcessEnv): string | null {
  if (given !== undefined) return given;
  if (env['KUBERNETES_SERVICE_HOST']) return null;
  return join(env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'culvert');
}
