import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { createSecureContext } from 'node:tls';
import type { LogLevel } from '../log/log.js';
import type { z } from 'zod';
import { ConfigurationError, type ConfigurationProblem } from './configuration-error.js';
import { parseAuthority, VARIABLES, type TeamRule, type Variable } from './variables.js';

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
  };
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
  /** Undefined: this process is the whole deployment. */
  readonly redisUrl: string | undefined;
  readonly dataDir: string;
  /** Where an edge sends requests for the app host; undefined: it does not answer them. */
  readonly apiUpstreamUrl: string | undefined;
  readonly logLevel: LogLevel;
  /** Addresses and CIDR ranges whose X-Forwarded-* headers are trusted. */
  readonly trustedProxies: readonly string[];
  /** Things that the first start creates; undefined values are generated. */
  readonly bootstrap: {
    readonly apiKey: string | undefined;
    readonly email: string | undefined;
    readonly password: string | undefined;
  };
  /** Where to post comments on pull requests, and the account. Null: nowhere. */
  readonly pullRequests: { readonly github: ForgeSettings | null; readonly gitlab: ForgeSettings | null };
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
    /** People who may create a team: everyone who can sign in, or only members of a team. */
    readonly teamCreation: 'everyone' | 'members';
  };
  /** How long connection events of traffic managers are kept. */
  readonly connectionHistoryMs: number;
  /** How long a stopping process lets work finish. */
  readonly shutdownGraceMs: number;
  readonly limits: Limits;
}

export interface ForgeSettings {
  /** Without a slash at the end. */
  readonly apiUrl: string;
  readonly token: string;
}

/** Limits; the unit is in each name. */
export interface Limits {
  /** How long a request waits for a disconnected traffic manager. */
  readonly managerWaitMs: number;
  /** How long a session without a tunnel may be resumed. */
  readonly sessionGraceMs: number;
  /** Time from the first byte of a request head to its last. */
  readonly headTimeoutMs: number;
  /** Idle time of a connection between two requests. */
  readonly idleTimeoutMs: number;
  /** Time from the end of a request to the first byte of its response. */
  readonly responseTimeoutMs: number;
  /** Time without a byte on an upgraded connection; 0: no limit. */
  readonly upgradeIdleTimeoutMs: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaderCount: number;
  /** Length of the path and query of a request. */
  readonly maxTargetBytes: number;
  /** 0: no limit. */
  readonly maxBodyBytes: number;
  readonly maxStreamsPerTunnel: number;
  readonly maxTunnels: number;
  /** Open connections from one client address; 0: no limit. */
  readonly maxConnectionsPerAddress: number;
  /** Requests of one preview that are in progress at once, per edge. */
  readonly maxRequestsPerPreview: number;
  readonly maxPreviewsPerTeam: number;
  /** Living sessions: traffic managers that are connected or may come back. */
  readonly maxSessionsPerTeam: number;
  /** Requests per minute; 0: no limit. */
  readonly maxApiRequestsPerTeam: number;
  /** Requests per minute to each sign-in route of Telepresence's clients; 0: no limit. */
  readonly maxLoginRequestsPerAddress: number;
  /** Invitations of one team, and of one person in all their teams; 0: no limit. */
  readonly maxInvitationsPerDay: number;
  /** Requests to all its previews together, per minute and edge; 0: no limit. */
  readonly maxPreviewRequestsPerTeam: number;
  /** Event streams of all callers together, in one API process. */
  readonly maxEventStreams: number;
  /** How long, and how much, to read from a visitor that is still sending its request after the response. */
  readonly linger: {
    /** Milliseconds of silence. */
    readonly idleMs: number;
    /** Milliseconds since the response was sent. */
    readonly maxMs: number;
    readonly maxBytes: number;
  };
  /** Limits of one HTTP/2 connection of a visitor. */
  readonly http2: {
    /** Requests in progress at once. */
    readonly maxStreams: number;
    /** Requests that end before their response, in ten seconds. */
    readonly maxResets: number;
    /** PING and SETTINGS frames in ten seconds. */
    readonly maxControlFrames: number;
    /** Bytes of one request body that are buffered ahead of forwarding. */
    readonly windowBytes: number;
  };
}

export const DEFAULT_GITHUB_URL = 'https://github.com';
const DEFAULT_PORTS = { http: 80, https: 443 } as const;
const REQUIRED: Readonly<Record<App, readonly Variable[]>> = {
  standalone: [],
  edge: ['DATABASE_URL', 'REDIS_URL'],
  api: ['DATABASE_URL', 'REDIS_URL'],
};

/**
 * Reads the settings of `app` from environment variables. An empty value counts as absent.
 * @throws ConfigurationError that lists everything that is wrong
 */
export function loadSettings(app: App, env: Readonly<Record<string, string | undefined>>): Settings {
  const problems: ConfigurationProblem[] = [];
  const values = readVariables(env, problems);
  for (const variable of REQUIRED[app]) {
    if (!env[variable])
      problems.push({ variable, expected: `set for ${app}: ${VARIABLES[variable].description}` });
  }

  const port = values.PORT ?? 8080;
  const adminPort = values.ADMIN_PORT ?? (app === 'standalone' ? null : 9090);
  if (adminPort !== null && adminPort !== 0 && adminPort === port) {
    problems.push({ variable: 'ADMIN_PORT', expected: 'another port than PORT', got: String(adminPort) });
  }

  const tls = readTls(values, problems);
  const scheme = values.PUBLIC_SCHEME ?? (tls === null ? 'http' : 'https');
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

  const signIn = readSignIn(values, problems);

  if (problems.length > 0) throw new ConfigurationError(problems);
  return {
    app,
    listen: { port, host: values.HOST, adminPort },
    public: {
      scheme,
      appHost: appHost.hostname + portSuffix(scheme, publicPort),
      appHostname: appHost.hostname,
      port: publicPort,
      previewDomain,
    },
    tls,
    databaseUrl: values.DATABASE_URL,
    redisUrl: values.REDIS_URL,
    dataDir: values.DATA_DIR ?? '.culvert',
    apiUpstreamUrl: values.API_UPSTREAM_URL,
    logLevel: values.LOG_LEVEL ?? 'info',
    trustedProxies: values.TRUSTED_PROXIES ?? [],
    bootstrap: {
      apiKey: values.CULVERT_BOOTSTRAP_API_KEY,
      email: values.CULVERT_BOOTSTRAP_EMAIL,
      password: values.CULVERT_BOOTSTRAP_PASSWORD,
    },
    pullRequests: {
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
    },
    telepresence: {
      // The last version whose client signs in and creates previews itself.
      stableVersion: values.TELEPRESENCE_STABLE_VERSION ?? '2.8.5',
      enhancedDaemonDir:
        values.TELEPRESENCE_ENHANCED_DAEMON_DIR && resolve(values.TELEPRESENCE_ENHANCED_DAEMON_DIR),
      agentImage: values.TELEPRESENCE_AGENT_IMAGE,
      graceMs: values.TELEPRESENCE_GRACE_MS ?? 60_000,
      retentionMs: values.TELEPRESENCE_RETENTION_MS ?? 24 * 60 * 60 * 1000,
    },
    mail: { smtpUrl: values.SMTP_URL, from: values.MAIL_FROM },
    signIn,
    connectionHistoryMs: values.CONNECTION_HISTORY_MS ?? 30 * 24 * 60 * 60 * 1000,
    shutdownGraceMs: values.SHUTDOWN_GRACE_MS ?? 30_000,
    limits: {
      managerWaitMs: values.MANAGER_WAIT_MS ?? 10_000,
      sessionGraceMs: values.SESSION_GRACE_MS ?? 60_000,
      headTimeoutMs: values.HEAD_TIMEOUT_MS ?? 15_000,
      idleTimeoutMs: values.IDLE_TIMEOUT_MS ?? 75_000,
      responseTimeoutMs: values.RESPONSE_TIMEOUT_MS ?? 60_000,
      upgradeIdleTimeoutMs: values.UPGRADE_IDLE_TIMEOUT_MS ?? 0,
      maxHeaderBytes: values.MAX_HEADER_BYTES ?? 65_536,
      maxHeaderCount: values.MAX_HEADER_COUNT ?? 200,
      maxTargetBytes: values.MAX_TARGET_BYTES ?? 16_384,
      maxBodyBytes: values.MAX_BODY_BYTES ?? 0,
      maxStreamsPerTunnel: values.MAX_STREAMS_PER_TUNNEL ?? 1000,
      maxTunnels: values.MAX_TUNNELS ?? 10_000,
      maxConnectionsPerAddress: values.MAX_CONNECTIONS_PER_ADDRESS ?? 0,
      maxRequestsPerPreview: values.MAX_REQUESTS_PER_PREVIEW ?? 1000,
      maxPreviewsPerTeam: values.MAX_PREVIEWS_PER_TEAM ?? 10_000,
      maxSessionsPerTeam: values.MAX_SESSIONS_PER_TEAM ?? 1000,
      maxApiRequestsPerTeam: values.MAX_API_REQUESTS_PER_TEAM ?? 6000,
      maxLoginRequestsPerAddress: values.MAX_LOGIN_REQUESTS_PER_ADDRESS ?? 600,
      maxInvitationsPerDay: values.MAX_INVITATIONS_PER_DAY ?? 200,
      // 20,000 per second: about a fifth of what one core forwards.
      maxPreviewRequestsPerTeam: values.MAX_PREVIEW_REQUESTS_PER_TEAM ?? 1_200_000,
      maxEventStreams: values.MAX_EVENT_STREAMS ?? 5000,
      linger: {
        idleMs: values.LINGER_IDLE_MS ?? 5000,
        maxMs: values.LINGER_MAX_MS ?? 30_000,
        maxBytes: values.LINGER_MAX_BYTES ?? 268_435_456,
      },
      http2: {
        maxStreams: values.HTTP2_MAX_STREAMS ?? 128,
        maxResets: values.HTTP2_MAX_RESETS ?? 500,
        maxControlFrames: values.HTTP2_MAX_CONTROL_FRAMES ?? 1000,
        windowBytes: values.HTTP2_WINDOW_BYTES ?? 262_144,
      },
    },
  };
}

function forge(token: string | undefined, apiUrl: string | undefined, usual: string): ForgeSettings | null {
  return token === undefined ? null : { apiUrl: (apiUrl ?? usual).replace(/\/+$/, ''), token };
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

type Values = { readonly [Name in Variable]?: z.output<(typeof VARIABLES)[Name]> };

function readVariables(
  env: Readonly<Record<string, string | undefined>>,
  problems: ConfigurationProblem[],
): Values {
  const values: Record<string, unknown> = {};
  for (const [variable, schema] of Object.entries(VARIABLES)) {
    const text = env[variable];
    if (text === undefined || text === '') continue;
    const result = schema.safeParse(text);
    if (result.success) {
      values[variable] = result.data;
    } else {
      const isSecret = schema.meta()?.['secret'] === true;
      problems.push({
        variable,
        expected: schema.description ?? 'valid',
        ...(isSecret ? {} : { got: text }),
      });
    }
  }
  return values;
}

function readSignIn(values: Values, problems: ConfigurationProblem[]): Settings['signIn'] {
  const { OIDC_ISSUER: issuer, OIDC_CLIENT_ID: oidcId } = values;
  const { GITHUB_CLIENT_ID: githubId, GITHUB_CLIENT_SECRET: githubSecret } = values;
  const demandBoth = (set: unknown, lacking: unknown, variable: Variable): void => {
    if (set !== undefined && lacking === undefined) {
      problems.push({ variable, expected: `set as well: ${VARIABLES[variable].description}` });
    }
  };
  demandBoth(issuer, oidcId, 'OIDC_CLIENT_ID');
  demandBoth(oidcId, issuer, 'OIDC_ISSUER');
  demandBoth(githubId, githubSecret, 'GITHUB_CLIENT_SECRET');
  demandBoth(githubSecret, githubId, 'GITHUB_CLIENT_ID');
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
    teamCreation: values.TEAM_CREATION ?? 'everyone',
  };
}

function readTls(
  { TLS_CERT_FILE: certFile, TLS_KEY_FILE: keyFile }: Values,
  problems: ConfigurationProblem[],
): Settings['tls'] {
  if (certFile === undefined && keyFile === undefined) return null;
  const cert = readPem('TLS_CERT_FILE', certFile, problems);
  const key = readPem('TLS_KEY_FILE', keyFile, problems);
  if (certFile === undefined || keyFile === undefined || cert === null || key === null) return null;
  try {
    createSecureContext({ cert, key });
  } catch {
    const expected =
      'a PEM certificate chain whose first certificate belongs to the private key in TLS_KEY_FILE';
    problems.push({ variable: 'TLS_CERT_FILE', expected, got: certFile });
    return null;
  }
  return { certFile, keyFile };
}

function readPem(
  variable: 'TLS_CERT_FILE' | 'TLS_KEY_FILE',
  path: string | undefined,
  problems: ConfigurationProblem[],
): Buffer | null {
  if (path === undefined) {
    problems.push({ variable, expected: 'set as well: TLS needs a certificate and its key' });
    return null;
  }
  try {
    return readFileSync(path);
  } catch {
    problems.push({ variable, expected: VARIABLES[variable].description ?? 'readable', got: path });
    return null;
  }
}
