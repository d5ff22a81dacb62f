/** The command line and the environment: the name of each setting, and how its value is read. */
import { homedir, hostname } from 'node:os';
import { join } from 'node:path';
import { checkClusterSecret } from '@culvert/meeting-point';
import {
  type CertificateFiles,
  checkKey,
  ConfigurationError,
  LOG_LEVELS,
  logLevelOf,
  podNamespace,
  readSecret,
  readText,
  SettingReader,
  splitList,
  withoutUndefined,
  type LogLevel,
} from '@culvert/runtime';
import { Command, Option } from 'commander';
import { findManagerId } from './identity.js';
import type { TrafficManagerOptions } from './options.js';
import { VERSION } from './version.js';

export interface CommandSettings {
  readonly options: TrafficManagerOptions;
  readonly logLevel: LogLevel;
}

interface Flags {
  readonly url?: string;
  readonly managerId?: string;
  readonly name?: string;
  readonly clusterId?: string;
  readonly stateDir?: string;
  readonly caFile?: string;
  readonly ingressCaFile?: string;
  readonly allow?: string[];
  readonly connectTimeoutMs?: string;
  readonly drainMs?: string;
  readonly adminPort?: string;
  readonly clusterPort?: string;
  readonly clusterTlsCertFile?: string;
  readonly clusterTlsKeyFile?: string;
  readonly clientGraceMs?: string;
  readonly logLevel?: string;
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
  ['--cluster-id <id>', 'CULVERT_CLUSTER_ID', 'name of this cluster'],
  ['--state-dir <path>', 'CULVERT_STATE_DIR', 'folder that keeps the manager id; in Kubernetes only if set'],
  ['--ca-file <path>', 'CULVERT_CA_FILE', 'PEM certificates to trust for Culvert, instead of the usual ones'],
  [
    '--ingress-ca-file <path>',
    'CULVERT_INGRESS_CA_FILE',
    'PEM certificates to trust for services, in addition to the usual ones',
  ],
  [
    ALLOW_FLAG,
    'CULVERT_ALLOW, separated by commas',
    'HOST, *.SUFFIX, address or CIDR range, each with an optional :PORT, that it may connect to; repeatable; default: all except loopback, link-local and cloud metadata addresses, which need a rule of their own',
  ],
  [
    '--connect-timeout-ms <ms>',
    'CULVERT_CONNECT_TIMEOUT_MS',
    'limit for one connection attempt; default: 10000',
  ],
  ['--drain-ms <ms>', 'CULVERT_DRAIN_MS', 'how long open streams may continue after SIGTERM; default: 30000'],
  ['--admin-port <port>', 'CULVERT_ADMIN_PORT', 'port of /healthz and /readyz; default: off'],
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
  CULVERT_API_KEY        the API key, with the scope "tunnel"; to report intercepts also "sessions:read",
                         "intercepts:read" and "intercepts:write"
    CULVERT_API_KEY_FILE   a file that holds it instead; read again before every attempt
    CULVERT_CLUSTER_SECRET secret that agents and clients may use at the cluster port instead of an API key
  CULVERT_CLUSTER_SECRET_FILE  a file that holds it instead`;

/** Reads flags and environment. Throws ConfigurationError. `--help` and `--version` print and exit. */
export function readCommand(argv: readonly string[], env: NodeJS.ProcessEnv): CommandSettings {
  const flags = commandLine().parse(argv, { from: 'user' }).opts<Flags>();
  const settings = new SettingReader(flags, env);
  const options = {
    url: settings.text('url', 'CULVERT_URL') ?? '',
    apiKey: apiKeySource(env),
    managerId:
      settings.text('managerId', 'CULVERT_MANAGER_ID') ??
      findManagerId({
        stateDirectory: stateDirectory(settings.text('stateDir', 'CULVERT_STATE_DIR'), env),
        hostname: hostname(),
        namespace: podNamespace(env),
      }),
    name: settings.text('name', 'CULVERT_MANAGER_NAME'),
    clusterId: settings.text('clusterId', 'CULVERT_CLUSTER_ID'),
    ca: settings.file('caFile', 'CULVERT_CA_FILE'),
    ingressCa: settings.file('ingressCaFile', 'CULVERT_INGRESS_CA_FILE'),
    allow: flags.allow ?? splitList(env['CULVERT_ALLOW']),
    connectTimeoutMs: settings.integer('connectTimeoutMs', 'CULVERT_CONNECT_TIMEOUT_MS', 1, 600_000),
    drainMs: settings.integer('drainMs', 'CULVERT_DRAIN_MS', 0, 3_600_000),
    adminPort: settings.integer('adminPort', 'CULVERT_ADMIN_PORT', 0, 65_535),
    clusterPort: settings.integer('clusterPort', 'CULVERT_CLUSTER_PORT', 0, 65_535),
    clusterTls: clusterTls(settings),
    clusterSecret: clusterSecret(env),
    clientGraceMs: settings.integer('clientGraceMs', 'CULVERT_CLIENT_GRACE_MS', 0, 86_400_000),
  };
  return {
    options: withoutUndefined(options),
    logLevel: logLevelOf(settings.text('logLevel', 'LOG_LEVEL') ?? 'info'),
  };
}

function commandLine(): Command {
  const command = new Command('traffic-manager')
    .description('Dials out to Culvert and connects its streams to services in this network.')
    .version(VERSION)
    .addHelpText('after', SECRETS);
  for (const [flag, variable, text] of FLAGS) {
    const option = new Option(flag, `${text} (${variable})`);
    if (flag === ALLOW_FLAG)
      option.argParser((target: string, before: string[] | undefined) => [...(before ?? []), target]);
    command.addOption(option);
  }
  return command;
}

function clusterTls(settings: SettingReader<Flags>): CertificateFiles | undefined {
  const certFile = settings.text('clusterTlsCertFile', 'CULVERT_CLUSTER_TLS_CERT_FILE');
  const keyFile = settings.text('clusterTlsKeyFile', 'CULVERT_CLUSTER_TLS_KEY_FILE');
  if (certFile === undefined && keyFile === undefined) return undefined;
  if (certFile === undefined || keyFile === undefined) {
    throw new ConfigurationError(
      'set both CULVERT_CLUSTER_TLS_CERT_FILE and CULVERT_CLUSTER_TLS_KEY_FILE, or neither',
    );
  }
  return { certFile, keyFile };
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
