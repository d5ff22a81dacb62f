import { resolve } from 'node:path';
import type { LogLevel } from '../log/log.js';
import { availableCores } from '../available-cores.js';
import { ConfigurationError, type ConfigurationProblem } from './configuration-error.js';
import { readEncryptionKeys } from './encryption-keys.js';
import { type Limits, limitsOf } from './limits.js';
import { type LinkSettings, readLinks } from './link-settings.js';
import { type MetricsPort, metricsPortOf } from './metrics-settings.js';
import { readVariables } from './read-variables.js';
import { withSecretFiles } from './secret-files.js';
import { readTls } from './tls-settings.js';
import {
  type ExchangeLogMode,
  parseAuthority,
  VARIABLES,
  type TeamRule,
  type Values,
  type Variable,
} from './variables.js';
import { readWebhooks, type WebhookSettings } from './webhook-settings.js';

/** The processes that read these settings. */
export const APPS = ['standalone', 'edge', 'api'] as const;
export type App = (typeof APPS)[number];

/** Settings of a deployment. The same for every app; only the required ones differ. */
export interface Settings {
  readonly app: App;
  readonly listen: {
    readonly port: number;
    /** Undefined: all addresses of this machine, IPv4 and IPv6. */
    readonly host: string | undefined;
    /** Port of health and metrics; null: on `port`, beside everything else. */
    readonly adminPort: number | null;
    /** Where metrics have a port of their own; null: they are with health. */
    readonly metrics: MetricsPort | null;
  };
  /** Port that redirects visitors to https; null: none. */
  readonly httpRedirectPort: number | null;
  /** How people reach this deployment, whatever proxies are in between. */
  readonly public: {
    readonly scheme: 'http' | 'https';
    /** As in the `Host` header: with the port unless it is the scheme's default. Lower-case. */
    readonly appHost: string;
    /** `appHost` without its port. */
    readonly appHostname: string;
    readonly port: number;
    /** Previews are direct subdomains of this domain. Lower-case. */
    readonly previewDomain: string;
  };
  /** PEM files, verified to be a pair when the settings were loaded. Null: plain text. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
  /** Undefined: the embedded database in `dataDir`. */
  readonly databaseUrl: string | undefined;
  /** Maximum number of connections to the database for requests of callers, of one edge or API process. */
  readonly databasePoolSize: number;
  /** Undefined: this process is the whole deployment. */
  readonly redisUrl: string | undefined;
  /** How edges of the deployment use each other's tunnels. Null: they do not. */
  readonly links: LinkSettings | null;
  readonly dataDir: string;
  /**
   * Keys that protect secrets in the database: 32 bytes in base64 each, of which the first one encrypts. Empty: there are
   * none, and nothing that needs them is stored.
   */
  readonly encryptionKeys: readonly string[];
  /** API processes to which an edge sends requests for the app host; empty: it does not answer them. */
  readonly apiUpstreamUrls: readonly string[];
  readonly logLevel: LogLevel;
  readonly exchangeLog: ExchangeLogSettings;
  /** Addresses and CIDR ranges whose X-Forwarded-* headers are trusted. */
  readonly trustedProxies: readonly string[];
  /** Things that the first start creates; undefined values are generated. */
  readonly bootstrap: {
    readonly apiKey: string | undefined;
    readonly email: string | undefined;
    readonly password: string | undefined;
  };
  /** Where to post comments on pull requests, and the account. Null: nowhere. */
  readonly pullRequests: {
    readonly github: ForgeSettings | null;
    readonly gitlab: ForgeSettings | null;
    readonly bitbucket: ForgeSettings | null;
    readonly gitea: ForgeSettings | null;
  };
  readonly webhooks: WebhookSettings;
  readonly telepresence: {
    /** The version that the update check recommends, without `v`. */
    readonly stableVersion: string;
    /** Absolute path. Holds `<GOOS>/<GOARCH>/<version>/telepresence-pro[.exe]`; undefined: no downloads. */
    readonly enhancedDaemonDir: string | undefined;
    /** `registry/repository/name:tag` of the traffic agent; undefined: Telepresence's own, of the version that asks. */
    readonly agentImage: string | undefined;
    /** How long an intercept may be missing from the list of its connected manager. */
    readonly graceMs: number;
    /** How long the previews of a disconnected manager are kept. */
    readonly retentionMs: number;
  };
  readonly mail: {
    /** Undefined: links go to the log. */
    readonly smtpUrl: string | undefined;
    readonly from: string | undefined;
  };
  readonly signIn: {
    readonly oidc: {
      readonly issuer: string;
      readonly clientId: string;
      /** Undefined: a public client, with PKCE only. */
      readonly clientSecret: string | undefined;
      readonly name: string;
      readonly scope: string;
      readonly groupsClaim: string;
      /** Whether to trust email addresses if the provider does not report whether they are verified. */
      readonly trustEmail: boolean;
    } | null;
    readonly github: {
      readonly url: string;
      readonly apiUrl: string;
      readonly clientId: string;
      readonly clientSecret: string;
    } | null;
    readonly teams: readonly TeamRule[];
    /** Issuers of workload identities that may have private addresses. */
    readonly internalIssuers: readonly string[];
    /** People who may create a team: everyone who can sign in, or only members of a team. */
    readonly teamCreation: 'everyone' | 'members';
  };
  /** Version of `culvert` that the API recommends, or `none`; undefined: that of the server. */
  readonly clientVersion: string | undefined;
  readonly retention: Retention;
  /** Processes in which an edge serves; 1: the one that was started. */
  readonly edgeWorkers: number;
  /** How long a stopping process still accepts connections, while load balancers and clients learn that it stops. */
  readonly lameDuckMs: number;
  /** How long a stopping process lets work finish after that. */
  readonly shutdownGraceMs: number;
  readonly limits: Limits;
}

/** How long records are kept that no longer have an effect, in milliseconds; 0: forever. */
export interface Retention {
  /** Tunnels of traffic managers that opened and closed. Never 0. */
  readonly connectionEventsMs: number;
  readonly auditEventsMs: number;
  /** Sessions, from their end. */
  readonly sessionsMs: number;
  /** API keys, share links and preview tokens, from when they were revoked or expired. */
  readonly credentialsMs: number;
}

/** The exchanges that an edge logs. */
export interface ExchangeLogSettings {
  readonly mode: ExchangeLogMode;
  /** Exchanges whose response begins after this are slow, in milliseconds. */
  readonly slowMs: number;
  /** With the mode `sample`: one of so many exchanges that neither failed nor were slow. */
  readonly sampleOneOf: number;
  /** Lines a minute of exchanges that did not fail, at most. */
  readonly perMinute: number;
  /** Whether lines have the query of the request, which may hold secrets that no pattern finds. */
  readonly withQuery: boolean;
}

export interface ForgeSettings {
  /** Without a slash at the end. */
  readonly apiUrl: string;
  readonly token: string;
}

export const DEFAULT_GITHUB_URL = 'https://github.com';
const DAY_MS = 24 * 60 * 60 * 1000;
const DEFAULT_DATA_DIR = '.culvert';
const DEFAULT_PORTS = { http: 80, https: 443 } as const;
/** Variables without which an app cannot start. */
export const REQUIRED: Readonly<Record<App, readonly Variable[]>> = {
  standalone: [],
  edge: ['DATABASE_URL', 'REDIS_URL'],
  api: ['DATABASE_URL', 'REDIS_URL'],
};

/**
 * Reads the settings of `app` from environment variables, and secrets from the files that variables name. An empty value counts
 * as absent.
 * @throws ConfigurationError that lists everything that is wrong
 */
export function loadSettings(app: App, given: Readonly<Record<string, string | undefined>>): Settings {
  const problems: ConfigurationProblem[] = [];
  const env = withSecretFiles(VARIABLES, given, problems);
  const values = readVariables(VARIABLES, env, problems);
  for (const variable of REQUIRED[app]) {
    if (!env[variable])
      problems.push({ variable, expected: `set for ${app}: ${VARIABLES[variable].description}` });
  }

  const addresses = readAddresses(app, values, problems);
  const signIn = readSignIn(values, problems);
  const pullRequests = readForges(values, problems);
  const links = readLinks(values, problems);
  const encryptionKeys = readEncryptionKeys(values, problems);

  if (problems.length > 0) throw new ConfigurationError(problems);
  return {
    app,
    ...addresses,
    databaseUrl: values.DATABASE_URL,
    databasePoolSize: values.DATABASE_POOL_SIZE ?? 10,
    redisUrl: values.REDIS_URL,
    links,
    dataDir: values.DATA_DIR ?? DEFAULT_DATA_DIR,
    encryptionKeys,
    apiUpstreamUrls: values.API_UPSTREAM_URL ?? [],
    logLevel: values.LOG_LEVEL ?? 'info',
    exchangeLog: {
      mode: values.EXCHANGE_LOG ?? 'errors',
      slowMs: values.EXCHANGE_LOG_SLOW_MS ?? 5000,
      sampleOneOf: values.EXCHANGE_LOG_SAMPLE ?? 100,
      perMinute: values.EXCHANGE_LOG_PER_MINUTE ?? 6000,
      withQuery: values.EXCHANGE_LOG_QUERY ?? false,
    },
    trustedProxies: values.TRUSTED_PROXIES ?? [],
    bootstrap: {
      apiKey: values.CULVERT_BOOTSTRAP_API_KEY,
      email: values.CULVERT_BOOTSTRAP_EMAIL,
      password: values.CULVERT_BOOTSTRAP_PASSWORD,
    },
    pullRequests,
    webhooks: readWebhooks(values),
    telepresence: readTelepresence(values),
    mail: { smtpUrl: values.SMTP_URL, from: values.MAIL_FROM },
    signIn,
    clientVersion: values.CULVERT_CLIENT_VERSION,
    retention: {
      connectionEventsMs: values.CONNECTION_HISTORY_MS ?? 30 * DAY_MS,
      auditEventsMs: values.AUDIT_RETENTION_MS ?? 0,
      sessionsMs: values.SESSION_RETENTION_MS ?? 90 * DAY_MS,
      credentialsMs: values.CREDENTIAL_RETENTION_MS ?? 365 * DAY_MS,
    },
    edgeWorkers: app === 'edge' ? (values.EDGE_WORKERS ?? availableCores()) : 1,
    // Standalone has no other edge that could serve its visitors.
    lameDuckMs: values.LAME_DUCK_MS ?? (app === 'standalone' ? 0 : 5000),
    shutdownGraceMs: values.SHUTDOWN_GRACE_MS ?? 30_000,
    limits: limitsOf(values),
  };
}

/**
 * Reads where the data is, for programs that use nothing else of a deployment.
 * @throws ConfigurationError that lists everything that is wrong
 */
export function loadDatabaseSettings(
  given: Readonly<Record<string, string | undefined>>,
): Pick<Settings, 'databaseUrl' | 'dataDir'> {
  const { DATABASE_URL, DATA_DIR } = VARIABLES;
  const table = { DATABASE_URL, DATA_DIR };
  const problems: ConfigurationProblem[] = [];
  const values = readVariables(table, withSecretFiles(table, given, problems), problems);
  if (problems.length > 0) throw new ConfigurationError(problems);
  return { databaseUrl: values.DATABASE_URL, dataDir: values.DATA_DIR ?? DEFAULT_DATA_DIR };
}

/** Returns where the process listens, and how people reach the deployment. Adds settings that contradict each other to `problems`. */
function readAddresses(
  app: App,
  values: Values,
  problems: ConfigurationProblem[],
): Pick<Settings, 'listen' | 'httpRedirectPort' | 'public' | 'tls'> {
  const port = values.PORT ?? 8080;
  const adminPort = values.ADMIN_PORT ?? (app === 'standalone' ? null : 9090);
  if (adminPort !== null && adminPort !== 0 && adminPort === port) {
    problems.push({ variable: 'ADMIN_PORT', expected: 'another port than PORT', got: String(adminPort) });
  }

  const metrics = readMetrics(values, { port, adminPort }, problems);

  const tls = readTls(values, problems);
  const scheme = values.PUBLIC_SCHEME ?? (tls === null ? 'http' : 'https');
  const httpRedirectPort = readRedirectPort(
    values,
    { scheme, taken: [port, adminPort, metrics?.port ?? null] },
    problems,
  );
  const appHost = parseAuthority(values.APP_HOST ?? 'localhost') ?? { hostname: 'localhost', port: null };
  const publicPort = appHost.port ?? (values.APP_HOST === undefined ? port : DEFAULT_PORTS[scheme]);
  const previewDomain = values.PREVIEW_DOMAIN ?? 'preview.localhost';
  if (appHost.hostname === previewDomain || appHost.hostname.endsWith(`.${previewDomain}`)) {
    problems.push({
      variable: 'PREVIEW_DOMAIN',
      expected: 'a domain that APP_HOST does not belong to, so that no preview can take its place',
      got: previewDomain,
    });
  }
  return {
    listen: { port, host: values.HOST, adminPort, metrics },
    httpRedirectPort,
    public: {
      scheme,
      appHost: appHost.hostname + portSuffix(scheme, publicPort),
      appHostname: appHost.hostname,
      port: publicPort,
      previewDomain,
    },
    tls,
  };
}

function readRedirectPort(
  { HTTP_REDIRECT_PORT: port }: Values,
  { scheme, taken }: { readonly scheme: 'http' | 'https'; readonly taken: readonly (number | null)[] },
  problems: ConfigurationProblem[],
): number | null {
  if (port === undefined) return null;
  const refuse = (expected: string): void =>
    void problems.push({ variable: 'HTTP_REDIRECT_PORT', expected, got: String(port) });
  if (scheme === 'http') refuse('absent without https: set TLS_CERT_FILE, or PUBLIC_SCHEME=https');
  if (port !== 0 && taken.includes(port)) refuse('another port than PORT, ADMIN_PORT and METRICS_PORT');
  return port;
}

/** Returns where metrics have a port of their own. Adds settings that contradict each other to `problems`. */
function readMetrics(
  values: Values,
  { port, adminPort }: { readonly port: number; readonly adminPort: number | null },
  problems: ConfigurationProblem[],
): MetricsPort | null {
  const metrics = metricsPortOf(values);
  if (metrics === null && values.METRICS_ADDRESS !== undefined)
    problems.push({ variable: 'METRICS_PORT', expected: 'set as well: METRICS_ADDRESS is its address' });
  const own = metrics?.port ?? 0;
  if (own !== 0 && (own === port || own === adminPort))
    problems.push({
      variable: 'METRICS_PORT',
      expected: 'another port than PORT and ADMIN_PORT',
      got: String(own),
    });
  return metrics;
}

function readForges(values: Values, problems: ConfigurationProblem[]): Settings['pullRequests'] {
  const { PULL_REQUEST_GITEA_TOKEN: giteaToken, PULL_REQUEST_GITEA_API_URL: giteaUrl } = values;
  // A token alone does not say which of many servers it is for.
  demandBoth(problems, { set: giteaToken, lacking: giteaUrl, variable: 'PULL_REQUEST_GITEA_API_URL' });
  return {
    github: forge(
      values.PULL_REQUEST_GITHUB_TOKEN,
      values.PULL_REQUEST_GITHUB_API_URL,
      'https://api.github.com',
    ),
    gitlab: forge(
      values.PULL_REQUEST_GITLAB_TOKEN,
      values.PULL_REQUEST_GITLAB_API_URL,
      'https://gitlab.com/api/v4',
    ),
    bitbucket: forge(
      values.PULL_REQUEST_BITBUCKET_TOKEN,
      values.PULL_REQUEST_BITBUCKET_API_URL,
      'https://api.bitbucket.org/2.0',
    ),
    gitea: giteaUrl === undefined ? null : forge(giteaToken, giteaUrl, giteaUrl),
  };
}

function forge(token: string | undefined, apiUrl: string | undefined, usual: string): ForgeSettings | null {
  return token === undefined ? null : { apiUrl: (apiUrl ?? usual).replace(/\/+$/, ''), token };
}

function readTelepresence(values: Values): Settings['telepresence'] {
  return {
    // The last version whose client signs in and creates previews itself.
    stableVersion: values.TELEPRESENCE_STABLE_VERSION ?? '2.8.5',
    enhancedDaemonDir:
      values.TELEPRESENCE_ENHANCED_DAEMON_DIR && resolve(values.TELEPRESENCE_ENHANCED_DAEMON_DIR),
    agentImage: values.TELEPRESENCE_AGENT_IMAGE,
    graceMs: values.TELEPRESENCE_GRACE_MS ?? 60_000,
    retentionMs: values.TELEPRESENCE_RETENTION_MS ?? DAY_MS,
  };
}

/** Returns the URL of the app, without a slash at the end. */
export function appUrl({ public: { scheme, appHost } }: Settings): string {
  return `${scheme}://${appHost}`;
}

/** Returns the URL of the preview with this hostname, without a slash at the end. */
export function previewUrl({ public: { scheme, port } }: Settings, hostname: string): string {
  return `${scheme}://${hostname}${portSuffix(scheme, port)}`;
}

function portSuffix(scheme: 'http' | 'https', port: number): string {
  return port === DEFAULT_PORTS[scheme] ? '' : `:${port}`;
}

/** Reports `variable`, whose value is `lacking`, if `set` has a value. */
function demandBoth(
  problems: ConfigurationProblem[],
  {
    set,
    lacking,
    variable,
  }: { readonly set: unknown; readonly lacking: unknown; readonly variable: Variable },
): void {
  if (set !== undefined && lacking === undefined)
    problems.push({ variable, expected: `set as well: ${VARIABLES[variable].description}` });
}

function readSignIn(values: Values, problems: ConfigurationProblem[]): Settings['signIn'] {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: oidcId } = values;
  const { GITHUB_CLIENT_ID: githubId, GITHUB_CLIENT_SECRET: githubSecret } = values;
  const demand = (set: unknown, lacking: unknown, variable: Variable): void =>
    demandBoth(problems, { set, lacking, variable });
  demand(issuer, oidcId, 'OIDC_CLIENT_ID');
  demand(oidcId, issuer, 'OIDC_ISSUER');
  demand(githubId, githubSecret, 'GITHUB_CLIENT_SECRET');
  demand(githubSecret, githubId, 'GITHUB_CLIENT_ID');
  return {
    oidc:
      issuer === undefined || oidcId === undefined
        ? null
        : {
            issuer,
            clientId: oidcId,
            clientSecret: values.OIDC_CLIENT_SECRET,
            name: values.OIDC_NAME ?? new URL(issuer).host,
            scope: values.OIDC_SCOPE ?? 'openid email profile',
            groupsClaim: values.OIDC_GROUPS_CLAIM ?? 'groups',
            trustEmail: values.OIDC_TRUST_EMAIL ?? false,
          },
    github:
      githubId === undefined || githubSecret === undefined
        ? null
        : {
            url: values.GITHUB_URL ?? DEFAULT_GITHUB_URL,
            apiUrl: values.GITHUB_API_URL ?? 'https://api.github.com',
            clientId: githubId,
            clientSecret: githubSecret,
          },
    teams: values.SIGN_IN_TEAMS ?? [],
    internalIssuers: values.WORKLOAD_IDENTITY_INTERNAL_ISSUERS ?? [],
    teamCreation: values.TEAM_CREATION ?? 'everyone',
  };
}
