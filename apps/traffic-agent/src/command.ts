/** The command line and the environment of a traffic agent. */
import { hostname } from 'node:os';
import { checkClusterSecret, readManagerUrl } from '@culvert/meeting-point';
import {
  certificatesFile,
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
  readVariables,
  anyText,
  withFlags,
  type LogLevel,
} from '@culvert/runtime';
import { Command } from 'commander';
import type { AgentPortOptions, TrafficAgentOptions } from './options.js';
import { VERSION } from './version.js';

export interface CommandSettings {
  readonly options: TrafficAgentOptions;
  readonly logLevel: LogLevel;
}

interface Flags {
  readonly port?: string[];
  readonly applicationHost?: string;
  readonly workloadName?: string;
  readonly workloadNamespace?: string;
  readonly workloadKind?: string;
  readonly managerUrl?: string;
  readonly managerCaFile?: string;
  readonly drainMs?: string;
  readonly adminPort?: string;
  readonly metricsPort?: string;
  readonly metricsAddress?: string;
  readonly logLevel?: string;
}

const DEFAULT_DRAIN_MS = 30_000;

const SECRETS = `
Secrets come only from the environment, or from a file that <variable>_FILE names:
  CULVERT_CLUSTER_SECRET  the secret that the traffic manager accepts from agents, or
  CULVERT_API_KEY         an API key of its team with the scope "intercepts:write"`;

const VARIABLES = {
  CULVERT_AGENT_PORTS: list(
    parsePort,
    'LISTEN:APPLICATION[:NAME][/tcp], such as 9900:8080:http, or several of these separated by commas',
  ),
  CULVERT_APPLICATION_HOST: anyText(),
  CULVERT_WORKLOAD_NAME: anyText(),
  CULVERT_WORKLOAD_NAMESPACE: anyText(),
  CULVERT_WORKLOAD_KIND: anyText(),
  CULVERT_MANAGER_URL: anyText(),
  CULVERT_MANAGER_CA_FILE: certificatesFile('CULVERT_MANAGER_CA_FILE'),
  CULVERT_DRAIN_MS: integer({ min: 0, max: 3_600_000, what: 'a number of milliseconds' }),
  CULVERT_ADMIN_PORT: portNumber(),
  ...METRICS_VARIABLES,
  LOG_LEVEL: logLevel(),
} as const;

/** Returns the environment variable with the same meaning as a flag. */
const VARIABLE_OF = {
  port: 'CULVERT_AGENT_PORTS',
  applicationHost: 'CULVERT_APPLICATION_HOST',
  workloadName: 'CULVERT_WORKLOAD_NAME',
  workloadNamespace: 'CULVERT_WORKLOAD_NAMESPACE',
  workloadKind: 'CULVERT_WORKLOAD_KIND',
  managerUrl: 'CULVERT_MANAGER_URL',
  managerCaFile: 'CULVERT_MANAGER_CA_FILE',
  drainMs: 'CULVERT_DRAIN_MS',
  adminPort: 'CULVERT_ADMIN_PORT',
  metricsPort: 'METRICS_PORT',
  metricsAddress: 'METRICS_ADDRESS',
  logLevel: 'LOG_LEVEL',
} as const satisfies Record<keyof Flags, keyof typeof VARIABLES>;

/** Reads flags and environment. Throws ConfigurationError. `--help` and `--version` print and exit. */
export function readCommand(argv: readonly string[], env: NodeJS.ProcessEnv): CommandSettings {
  const flags = commandLine().parse(argv, { from: 'user' }).opts<Flags>();
  const problems: ConfigurationProblem[] = [];
  const values = readVariables(VARIABLES, withFlags(env, flags, VARIABLE_OF), problems);
  const isBroken = (variable: string): boolean => problems.some((problem) => problem.variable === variable);
  const ports = values.CULVERT_AGENT_PORTS ?? [];
  if (ports.length === 0 && !isBroken('CULVERT_AGENT_PORTS'))
    problems.push({ variable: 'CULVERT_AGENT_PORTS', expected: 'set (or --port) to LISTEN:APPLICATION' });
  const workload = values.CULVERT_WORKLOAD_NAME;
  if (workload === undefined) {
    const expected = 'set (or --workload-name) to the name of the workload of this pod';
    problems.push({ variable: 'CULVERT_WORKLOAD_NAME', expected });
  }
  if (problems.length > 0 || workload === undefined) throw new ConfigurationError(problems);
  const managerCa = values.CULVERT_MANAGER_CA_FILE;
  const options: TrafficAgentOptions = {
    ports,
    applicationHost: values.CULVERT_APPLICATION_HOST ?? '127.0.0.1',
    workload,
    namespace: values.CULVERT_WORKLOAD_NAMESPACE ?? (podNamespace(env) || 'default'),
    kind: values.CULVERT_WORKLOAD_KIND ?? 'Deployment',
    pod: env['POD_NAME'] || hostname(),
    managerUrl: readManagerUrl(values.CULVERT_MANAGER_URL, env, { isTls: managerCa !== undefined }),
    managerCa,
    credential: credential(env),
    drainMs: values.CULVERT_DRAIN_MS ?? DEFAULT_DRAIN_MS,
    adminPort: values.CULVERT_ADMIN_PORT ?? null,
    metrics: metricsPortOf(values),
  };
  return { options, logLevel: values.LOG_LEVEL ?? 'info' };
}

function commandLine(): Command {
  return new Command('traffic-agent')
    .description("Runs in front of an application's ports and routes intercepted requests to their clients.")
    .version(VERSION)
    .option(
      '--port <spec>',
      'LISTEN:APPLICATION[:NAME][/tcp]; /tcp passes bytes unchanged, for applications that send first; repeatable (CULVERT_AGENT_PORTS, separated by commas)',
      (spec: string, before: string[] | undefined) => [...(before ?? []), spec],
    )
    .option(
      '--application-host <host>',
      'host of the application; default: 127.0.0.1 (CULVERT_APPLICATION_HOST)',
    )
    .option('--workload-name <name>', 'workload that this pod belongs to; required (CULVERT_WORKLOAD_NAME)')
    .option(
      '--workload-namespace <name>',
      "namespace of the workload; default: the pod's (CULVERT_WORKLOAD_NAMESPACE)",
    )
    .option('--workload-kind <kind>', 'kind of the workload; default: Deployment (CULVERT_WORKLOAD_KIND)')
    .option(
      '--manager-url <url>',
      'URL of the traffic manager; default: http://traffic-manager.<TELEPRESENCE_MANAGER_NAMESPACE>:8085, or https if --manager-ca-file is set (CULVERT_MANAGER_URL)',
    )
    .option(
      '--manager-ca-file <path>',
      'PEM certificates to trust for the traffic manager; implies https (CULVERT_MANAGER_CA_FILE)',
    )
    .option(
      '--drain-ms <ms>',
      'how long requests in progress may take after SIGTERM; default: 30000 (CULVERT_DRAIN_MS)',
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
    .addHelpText('after', SECRETS);
}

/** Parses LISTEN:APPLICATION[:NAME][/tcp]; returns null for any other text. */
function parsePort(spec: string): AgentPortOptions | null {
  const match = /^(\d{1,5}):(\d{1,5})(?::([a-z0-9-]{1,15}))?(\/tcp)?$/.exec(spec);
  const [listen, applicationPort] = [Number(match?.[1]), Number(match?.[2])];
  if (match === null || listen > 65_535 || applicationPort < 1 || applicationPort > 65_535) return null;
  const protocol = match[4] === undefined ? 'http' : 'tcp';
  return { port: listen, applicationPort, name: match[3] ?? '', protocol };
}

function credential(env: NodeJS.ProcessEnv): () => Promise<string> {
  const found =
    readSecret(env, 'CULVERT_CLUSTER_SECRET', checkClusterSecret) ??
    readSecret(env, 'CULVERT_API_KEY', checkKey);
  if (found !== undefined) return found;
  throw new ConfigurationError('set CULVERT_CLUSTER_SECRET or CULVERT_API_KEY, or one of them with _FILE');
}
