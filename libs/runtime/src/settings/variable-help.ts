/** What `--help` says about each variable. The compiler finds missing rows, and a test wrong defaults. */
import type { App } from './settings.js';
import type { Variable } from './variables.js';

export interface VariableHelp {
  readonly variable: Variable;
  readonly about: string;
  /** Value that has the same effect as no value. */
  readonly default?: string;
  /** What happens without a value, where no value has the same effect. */
  readonly without?: string;
}

/** The programs that a group concerns; absent: all. */
export interface VariableGroup {
  readonly title: string;
  readonly apps?: readonly App[];
  readonly variables: readonly VariableHelp[];
}

type Row = Omit<VariableHelp, 'variable'>;

function group(title: string, rows: Partial<Record<Variable, Row>>, apps?: readonly App[]): VariableGroup {
  const variables = Object.entries(rows).map(([name, row]) => ({ variable: name as Variable, ...row }));
  return { title, variables, ...(apps && { apps }) };
}

const EDGES: readonly App[] = ['edge', 'standalone'];
const APIS: readonly App[] = ['api', 'standalone'];

const ADDRESSES = {
  PORT: { about: 'the public port; 0: a free one', default: '8080' },
  HOST: { about: 'address to listen on', without: 'every address' },
  ADMIN_PORT: {
    about: 'port of /healthz, /readyz and /metrics',
    without: '9090, or for standalone PORT, with /metrics for this machine only',
  },
  HTTP_REDIRECT_PORT: { about: 'plain port that redirects visitors to https', without: 'none' },
  METRICS_PORT: { about: 'port of its own for /metrics', without: 'with /healthz' },
  METRICS_ADDRESS: { about: 'address to listen on for METRICS_PORT', without: '127.0.0.1' },
  APP_HOST: {
    about: 'host of dashboard, API and documentation, with the port that visitors use',
    without: 'localhost:<PORT>',
  },
  PREVIEW_DOMAIN: { about: 'domain whose direct subdomains are the previews', default: 'preview.localhost' },
  PUBLIC_SCHEME: { about: 'http or https, in links', without: 'https with TLS_CERT_FILE, else http' },
  TLS_CERT_FILE: { about: 'PEM certificate chain for PORT; read again when it changes', without: 'no TLS' },
  TLS_KEY_FILE: { about: 'PEM key of this certificate' },
  TRUSTED_PROXIES: { about: 'addresses and CIDR ranges whose X-Forwarded-* headers count', without: 'none' },
  LOG_LEVEL: { about: 'level of the log, which is JSON lines on stderr', default: 'info' },
} satisfies Partial<Record<Variable, Row>>;

const DATA = {
  DATABASE_URL: { about: 'Postgres 15 or later', without: 'an embedded database in DATA_DIR' },
  DATABASE_POOL_SIZE: { about: 'connections to Postgres for requests, workers included', default: '10' },
  DATA_DIR: { about: 'folder of the embedded database; memory: nothing on disk', default: '.culvert' },
  ENCRYPTION_KEYS: {
    about: 'keys for secrets in the database; the first one encrypts, all of them decrypt',
    without: 'exchanges are not kept; standalone with the embedded database makes a key in DATA_DIR',
  },
  REDIS_URL: {
    about: 'Redis: one server, Sentinel or Cluster',
    without: 'this process is the whole deployment',
  },
  CULVERT_BOOTSTRAP_API_KEY: {
    about: 'API key that the first start creates',
    without: 'generated and printed',
  },
  CULVERT_BOOTSTRAP_EMAIL: { about: 'email address of the first owner', without: 'generated and printed' },
  CULVERT_BOOTSTRAP_PASSWORD: { about: 'password of the first owner', without: 'generated and printed' },
} satisfies Partial<Record<Variable, Row>>;

const EDGE = {
  EXCHANGE_LOG: {
    about:
      'requests that are logged: all, errors (failed and slow ones), sample (these, and some others), off',
    default: 'errors',
  },
  EXCHANGE_LOG_SLOW_MS: { about: 'time to the response from which a request is slow', default: '5000' },
  EXCHANGE_LOG_SAMPLE: { about: 'with sample: one of so many other requests', default: '100' },
  EXCHANGE_LOG_PER_MINUTE: { about: 'lines a minute about requests that did not fail', default: '6000' },
  EXCHANGE_LOG_QUERY: { about: 'true: lines have the query of the request', default: 'false' },
  API_UPSTREAM_URL: {
    about: 'URLs of API processes, separated by commas, for requests to APP_HOST',
    without: 'this process answers them',
  },
  EDGE_WORKERS: {
    about: 'processes in which an edge serves, on one port',
    without: 'one for each core; standalone has one',
  },
  EDGE_LINK_SECRET: {
    about: 'secret of all edges of the deployment; several, separated by commas, while it is replaced',
    without: 'edges use only tunnels of their own machine',
  },
  EDGE_LINK_SECRET_FILE: { about: 'file with these secrets, one on each line; read again when it changes' },
  EDGE_LINK_CERT_FILE: {
    about: 'PEM certificate of this edge, instead of the secret; read again when it changes',
  },
  EDGE_LINK_KEY_FILE: { about: 'PEM key of this certificate' },
  EDGE_LINK_CA_FILE: { about: 'PEM certificate of the authority that signs edges only' },
  EDGE_LINK_PORT: {
    about: 'port for links of other edges; each further worker has the next one',
    default: '9091',
  },
  EDGE_LINK_ADDRESS: {
    about: 'host:port at which other edges reach this one',
    without: 'an address of this host and EDGE_LINK_PORT',
  },
} satisfies Partial<Record<Variable, Row>>;

const TIMES = {
  MANAGER_WAIT_MS: { about: 'how long a request waits for a disconnected traffic manager', default: '10000' },
  SESSION_GRACE_MS: { about: 'how long a session without a tunnel can be resumed', default: '60000' },
  HEAD_TIMEOUT_MS: { about: 'time for a whole request head', default: '15000' },
  IDLE_TIMEOUT_MS: { about: 'time between two requests, and between two pieces of a body', default: '75000' },
  RESPONSE_TIMEOUT_MS: {
    about: 'time from the end of a request to the head of its response',
    default: '60000',
  },
  UPGRADE_IDLE_TIMEOUT_MS: { about: 'time a WebSocket may be silent; 0: no limit', default: '0' },
  LINGER_IDLE_MS: {
    about: 'how long a visitor that still sends after its response may be silent',
    default: '5000',
  },
  LINGER_MAX_MS: { about: 'how long it may send in total', default: '30000' },
  LINGER_MAX_BYTES: { about: 'how many bytes it may send', default: '268435456' },
} satisfies Partial<Record<Variable, Row>>;

const STOPPING = {
  LAME_DUCK_MS: {
    about: 'how long a stopping process still accepts connections',
    without: '5000, or 0 for standalone',
  },
  SHUTDOWN_GRACE_MS: { about: 'how long it then lets exchanges under way finish', default: '30000' },
} satisfies Partial<Record<Variable, Row>>;

const EDGE_LIMITS = {
  MAX_HEADER_BYTES: { about: 'bytes of the headers of one head', default: '65536' },
  MAX_HEADER_COUNT: { about: 'headers of one head', default: '200' },
  MAX_TARGET_BYTES: { about: 'bytes of path and query', default: '16384' },
  MAX_BODY_BYTES: { about: 'bytes of one request body; 0: no limit', default: '0' },
  MAX_REQUESTS_PER_PREVIEW: { about: 'exchanges under way on one preview', default: '1000' },
  MAX_CONNECTIONS_PER_ADDRESS: { about: 'connections open from one address; 0: no limit', default: '0' },
  MAX_TUNNELS: { about: 'tunnels of one edge', default: '10000' },
  MAX_STREAMS_PER_TUNNEL: { about: 'streams of one tunnel', default: '1000' },
  HTTP2_MAX_STREAMS: { about: 'requests under way on one HTTP/2 connection', default: '128' },
  HTTP2_MAX_RESETS: {
    about: 'requests of one connection that end before their response, in 10 s',
    default: '500',
  },
  HTTP2_MAX_CONTROL_FRAMES: { about: 'PING and SETTINGS frames of one connection, in 10 s', default: '1000' },
  HTTP2_WINDOW_BYTES: {
    about: 'bytes of one request body that may arrive before they are sent on',
    default: '262144',
  },
} satisfies Partial<Record<Variable, Row>>;

const SIGN_IN = {
  OIDC_ISSUER: { about: 'OpenID provider to sign in with', without: 'none' },
  OIDC_CLIENT_ID: { about: 'client id from the provider' },
  OIDC_CLIENT_SECRET: { about: 'client secret from the provider', without: 'a public client' },
  OIDC_NAME: { about: 'name on the sign-in button', without: 'host of the issuer' },
  OIDC_SCOPE: { about: 'requested scopes', default: 'openid email profile' },
  OIDC_GROUPS_CLAIM: { about: 'claim with the groups of a person', default: 'groups' },
  OIDC_TRUST_EMAIL: {
    about: 'true: an address without a statement of the provider is verified',
    default: 'false',
  },
  GITHUB_CLIENT_ID: { about: 'client id of a GitHub OAuth app to sign in with', without: 'none' },
  GITHUB_CLIENT_SECRET: { about: 'client secret of this app' },
  GITHUB_URL: { about: 'URL of GitHub', default: 'https://github.com' },
  GITHUB_API_URL: { about: "URL of GitHub's API", default: 'https://api.github.com' },
  SIGN_IN_TEAMS: { about: 'rules that make people members when they sign in at a provider', without: 'none' },
  WORKLOAD_IDENTITY_INTERNAL_ISSUERS: {
    about: 'issuers of workload identities that may have private addresses',
    without: 'none',
  },
  TEAM_CREATION: { about: 'who may create a team: everyone or members', default: 'everyone' },
  SMTP_URL: { about: 'mail server for links', without: 'people pass links on themselves' },
  MAIL_FROM: { about: 'sender of mails', without: 'culvert@<APP_HOST>' },
} satisfies Partial<Record<Variable, Row>>;

const FORGES = {
  PULL_REQUEST_GITHUB_TOKEN: { about: 'token that writes comments on pull requests', without: 'no comments' },
  PULL_REQUEST_GITHUB_API_URL: { about: 'API of GitHub', default: 'https://api.github.com' },
  PULL_REQUEST_GITLAB_TOKEN: {
    about: 'token that writes comments on merge requests',
    without: 'no comments',
  },
  PULL_REQUEST_GITLAB_API_URL: { about: 'API of GitLab', default: 'https://gitlab.com/api/v4' },
  PULL_REQUEST_BITBUCKET_TOKEN: {
    about: 'token that writes comments at Bitbucket Cloud',
    without: 'no comments',
  },
  PULL_REQUEST_BITBUCKET_API_URL: {
    about: 'API of Bitbucket Cloud',
    default: 'https://api.bitbucket.org/2.0',
  },
  PULL_REQUEST_GITEA_TOKEN: {
    about: 'token that writes comments at Gitea or Forgejo',
    without: 'no comments',
  },
  PULL_REQUEST_GITEA_API_URL: { about: 'API of Gitea or Forgejo; needed with the token' },
} satisfies Partial<Record<Variable, Row>>;

const WEBHOOKS = {
  WEBHOOK_ALLOWED_NETWORKS: {
    about: 'private addresses and CIDR ranges that webhooks may be sent to',
    without: 'none',
  },
  WEBHOOK_ALLOW_HTTP: { about: 'true: webhooks may be sent without TLS', default: 'false' },
} satisfies Partial<Record<Variable, Row>>;

const TEAM_LIMITS = {
  MAX_PREVIEWS_PER_TEAM: { about: 'previews of one team', default: '10000' },
  MAX_SESSIONS_PER_TEAM: { about: "live sessions of one team's traffic managers", default: '1000' },
  MAX_PREVIEW_REQUESTS_PER_TEAM: {
    about: 'requests a minute to the previews of one team, at all edges; 0: no limit',
    default: '1200000',
  },
  MAX_API_REQUESTS_PER_TEAM: { about: 'API requests of one team in a minute; 0: no limit', default: '6000' },
} satisfies Partial<Record<Variable, Row>>;

const API_LIMITS = {
  MAX_LOGIN_REQUESTS_PER_ADDRESS: {
    about: 'sign-in requests of programs from one address in a minute; 0: no limit',
    default: '600',
  },
  MAX_INVITATIONS_PER_DAY: {
    about: 'invitation mails of one team, and of one person; 0: no limit',
    default: '200',
  },
  MAX_EVENT_STREAMS: { about: 'streams of live events open in one process', default: '5000' },
} satisfies Partial<Record<Variable, Row>>;

const RETENTION = {
  CONNECTION_HISTORY_MS: { about: 'how long the history of connections is kept', default: '2592000000' },
  AUDIT_RETENTION_MS: { about: 'how long audit events are kept; 0: forever', default: '0' },
  SESSION_RETENTION_MS: { about: 'how long ended sessions are kept; 0: forever', default: '7776000000' },
  CREDENTIAL_RETENTION_MS: {
    about: 'how long revoked and expired keys, links and tokens are kept; 0: forever',
    default: '31536000000',
  },
} satisfies Partial<Record<Variable, Row>>;

const CLIENTS = {
  CULVERT_CLIENT_VERSION: {
    about: 'version of culvert that the API recommends, or none',
    without: 'that of the server',
  },
} satisfies Partial<Record<Variable, Row>>;

const TELEPRESENCE = {
  TELEPRESENCE_STABLE_VERSION: {
    about: "version that the clients' update check recommends",
    default: '2.8.5',
  },
  TELEPRESENCE_ENHANCED_DAEMON_DIR: {
    about: 'folder of the daemons that clients fetch',
    without: 'they get a stand-in',
  },
  TELEPRESENCE_AGENT_IMAGE: {
    about: 'image of the traffic agent',
    without: 'docker.io/datawire/tel2 in the version of the traffic manager',
  },
  TELEPRESENCE_GRACE_MS: {
    about: 'how long an intercept stays that its manager no longer lists',
    default: '60000',
  },
  TELEPRESENCE_RETENTION_MS: {
    about: 'how long previews of a disconnected manager are kept',
    default: '86400000',
  },
} satisfies Partial<Record<Variable, Row>>;

/** A compile error here names a variable that no group has. */
({
  ...ADDRESSES,
  ...DATA,
  ...EDGE,
  ...TIMES,
  ...STOPPING,
  ...EDGE_LIMITS,
  ...SIGN_IN,
  ...FORGES,
  ...WEBHOOKS,
  ...TEAM_LIMITS,
  ...API_LIMITS,
  ...RETENTION,
  ...CLIENTS,
  ...TELEPRESENCE,
}) satisfies Record<Variable, Row>;

/** All variables, in the order of `--help`. */
export const VARIABLE_GROUPS: readonly VariableGroup[] = [
  group('Addresses and log', ADDRESSES),
  group('Data', DATA),
  group('Edges', EDGE, EDGES),
  group('Stopping', STOPPING),
  group('Times of requests', TIMES, EDGES),
  group('Limits of edges', EDGE_LIMITS, EDGES),
  group('Sign-in and mail', SIGN_IN, APIS),
  group('Comments on pull requests', FORGES, APIS),
  group('Webhooks', WEBHOOKS, APIS),
  group('Limits of teams, the same at all processes', TEAM_LIMITS),
  group('Limits of the API', API_LIMITS, APIS),
  group('Retention', RETENTION, APIS),
  group('Clients', CLIENTS, APIS),
  group("Telepresence's traffic managers and clients", TELEPRESENCE),
];
