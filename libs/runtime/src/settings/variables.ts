/** Every environment variable that configures Culvert's own processes. */
import { isIP } from 'node:net';
import { parseRedisAddress } from '@culvert/redis';
import { logLevel } from './log-level.js';
import { z } from 'zod';
import { HOSTNAME, METRICS_VARIABLES, ownAddress } from './metrics-settings.js';
import { integer, portNumber, secret, type VariableValues } from './read-variables.js';

const DAY_MS = 24 * 60 * 60 * 1000;
/** Maximum of a timer. */
const MAX_WAIT_MS = DAY_MS;
/** Maximum of a time that is stored in the database. */
const MAX_KEPT_MS = 10 * 366 * DAY_MS;

const MAX_API_URLS = 16;

const milliseconds = (min = 1, max = MAX_WAIT_MS) => integer({ min, max, what: 'a number of milliseconds' });
const count = (max: number, min = 1) => integer({ min, max });
const orNone = (schema: z.ZodType<number>) => schema.describe(`${schema.description}; 0 sets no limit`);
const forever = (schema: z.ZodType<number>) => schema.describe(`${schema.description}; 0 keeps them forever`);

function url(protocols: readonly string[], expected: string) {
  return z
    .string()
    .refine((text) => URL.canParse(text) && protocols.includes(new URL(text).protocol))
    .describe(expected);
}

const authority = z
  .string()
  .toLowerCase()
  .refine((text) => parseAuthority(text) !== null)
  .describe('a host name or address with an optional port, such as culvert.example.com or localhost:8080');

/** Splits `host[:port]`; an IPv6 address needs brackets. Null if it is neither a name nor an address. */
export function parseAuthority(text: string): { hostname: string; port: number | null } | null {
  const match = /^(\[[0-9a-f:.]+\]|[^:[\]]+)(?::(\d{1,5}))?$/.exec(text);
  if (match === null) return null;
  const hostname = match[1];
  const port = match[2] === undefined ? null : Number(match[2]);
  const isHost = hostname.startsWith('[') ? isIP(hostname.slice(1, -1)) === 6 : HOSTNAME.test(hostname);
  return isHost && (port === null || (port >= 1 && port <= 65_535)) ? { hostname, port } : null;
}

function isCidr(text: string): boolean {
  const [address, prefix, ...rest] = text.split('/');
  const version = isIP(address ?? '');
  if (version === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (version === 4 ? 32 : 128));
}

const networks = z
  .string()
  .transform((text) => text.split(',').map((part) => part.trim()))
  .refine((list) => list.every(isCidr))
  .describe('addresses or CIDR ranges, separated by commas, such as 10.0.0.0/8,::1');

const token = z
  .string()
  .regex(/^[\x21-\x7e]{1,512}$/)
  .describe('1 to 512 visible ASCII characters');
/** https, or plain http on this machine: the provider's responses decide who a person is. */
function providerUrl(what: string) {
  return z
    .string()
    .refine((text) => {
      if (!URL.canParse(text)) return false;
      const { protocol, hostname, username, search, hash } = new URL(text);
      const isLocal = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname);
      return username + search + hash === '' && (protocol === 'https:' || (protocol === 'http:' && isLocal));
    })
    .describe(`${what}: an https URL, or http on this machine`);
}

/** Choices of the exchanges that an edge logs. `errors`: failed and slow ones; `sample`: these, and one of several others. */
export const EXCHANGE_LOG_MODES = ['all', 'errors', 'sample', 'off'] as const;
export type ExchangeLogMode = (typeof EXCHANGE_LOG_MODES)[number];

/** Makes people who sign in with this a member of a team. */
export interface TeamRule {
  readonly kind: 'group' | 'domain' | 'org';
  /** Lower-case for domains and organizations. */
  readonly value: string;
  /** `first`: the team that the first start created. */
  readonly team: string;
  readonly role: 'owner' | 'admin' | 'member';
}

function parseTeamRule(text: string): TeamRule | null {
  const match = /^(group|domain|org):([^=]{1,255})=(first|[0-9a-f-]{36}):(owner|admin|member)$/.exec(text);
  if (match === null) return null;
  const [, kind, value = '', team = '', role] = match;
  return {
    kind: kind as TeamRule['kind'],
    value: kind === 'group' ? value : value.toLowerCase(),
    team,
    role: role as TeamRule['role'],
  };
}

export const VARIABLES = {
  PORT: portNumber(),
  HOST: ownAddress(),
  ADMIN_PORT: portNumber(),
  HTTP_REDIRECT_PORT: portNumber(),
  ...METRICS_VARIABLES,
  APP_HOST: authority,
  PREVIEW_DOMAIN: z
    .string()
    .toLowerCase()
    // A preview's own label and its dot must fit into the 253 characters of a host name.
    .refine((text) => HOSTNAME.test(text) && text.length <= 200 && isIP(text) === 0)
    .describe('a domain name of at most 200 characters, such as preview.example.com'),
  PUBLIC_SCHEME: z.enum(['http', 'https']).describe('http or https'),
  TLS_CERT_FILE: z.string().describe('the path of a readable PEM file'),
  TLS_KEY_FILE: z.string().describe('the path of a readable PEM file'),
  DATABASE_URL: secret(
    url(
      ['postgres:', 'postgresql:'],
      'a Postgres URL, such as postgresql://user:password@host:5432/database',
    ),
  ),
  REDIS_URL: secret(
    z
      .string()
      .refine((text) => parseRedisAddress(text) !== null)
      .describe(
        'an address of Redis, such as redis://host:6379, redis+sentinel://host1,host2/master or redis+cluster://host1,host2',
      ),
  ),
  DATABASE_POOL_SIZE: count(1000),
  EDGE_LINK_PORT: portNumber(),
  EDGE_LINK_ADDRESS: authority
    .refine((text) => (parseAuthority(text)?.port ?? null) !== null)
    .describe('host:port at which other edges reach this one, such as 10.0.0.7:9091'),
  EDGE_LINK_SECRET: secret(
    z.string().describe('one to four secrets of 32 to 512 visible ASCII characters, separated by commas'),
  ),
  EDGE_LINK_SECRET_FILE: z.string().describe('the path of a readable file'),
  EDGE_LINK_CERT_FILE: z.string().describe('the path of a readable PEM file'),
  EDGE_LINK_KEY_FILE: z.string().describe('the path of a readable PEM file'),
  EDGE_LINK_CA_FILE: z.string().describe('the path of a readable PEM file'),
  DATA_DIR: z.string().describe('the path of a directory'),
  ENCRYPTION_KEYS: secret(
    z
      .string()
      .describe(
        'one to sixteen keys of 32 bytes in base64, separated by commas or lines: openssl rand -base64 32',
      ),
  ),
  API_UPSTREAM_URL: z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .refine((urls) => urls.length <= MAX_API_URLS)
    .refine((urls) => urls.every((each) => URL.canParse(each) && new URL(each).protocol === 'http:'))
    .describe(
      `up to ${MAX_API_URLS} http URLs of API processes, separated by commas, such as http://api:8081`,
    ),
  LOG_LEVEL: logLevel(),
  EXCHANGE_LOG: z.enum(EXCHANGE_LOG_MODES).describe(`one of ${EXCHANGE_LOG_MODES.join(', ')}`),
  EXCHANGE_LOG_SLOW_MS: milliseconds(0),
  EXCHANGE_LOG_SAMPLE: count(1_000_000),
  EXCHANGE_LOG_PER_MINUTE: count(10_000_000),
  EXCHANGE_LOG_QUERY: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .describe('true or false'),
  TRUSTED_PROXIES: networks,
  CULVERT_BOOTSTRAP_API_KEY: secret(
    z
      .string()
      .regex(/^[\x21-\x7e]{8,512}$/)
      .describe('8 to 512 visible ASCII characters'),
  ),
  CULVERT_BOOTSTRAP_EMAIL: z.email().max(254).toLowerCase().describe('an email address'),
  CULVERT_BOOTSTRAP_PASSWORD: secret(z.string().min(8).max(256).describe('8 to 256 characters')),
  CULVERT_CLIENT_VERSION: z
    .string()
    .regex(/^(\d{1,4}\.\d{1,4}\.\d{1,4}|none)$/)
    .describe('a version of culvert, such as 0.1.0, or none'),
  TELEPRESENCE_STABLE_VERSION: z
    .string()
    .regex(/^\d{1,4}\.\d{1,4}\.\d{1,4}$/)
    .describe('a version of Telepresence without v, such as 2.8.5'),
  TELEPRESENCE_ENHANCED_DAEMON_DIR: z.string().describe('the path of a directory'),
  SMTP_URL: secret(
    url(['smtp:', 'smtps:'], 'an SMTP URL, such as smtp://user:password@mail.example.com:587'),
  ),
  MAIL_FROM: z
    .string()
    .max(320)
    .regex(/^[^\r\n]*[^\s@<]@[^\s@>]+>?$/)
    .describe('an address, or a name and an address, such as Culvert <culvert@example.com>'),
  OIDC_ISSUER: providerUrl('the issuer of an OpenID provider'),
  OIDC_CLIENT_ID: z.string().max(512).describe('the client id from the OpenID provider'),
  OIDC_CLIENT_SECRET: secret(z.string().max(1024).describe('the client secret from the OpenID provider')),
  OIDC_NAME: z.string().trim().min(1).max(40).describe('1 to 40 characters'),
  OIDC_SCOPE: z
    .string()
    .max(500)
    .regex(/^(?=.*\bopenid\b)[\x21-\x7e]+( [\x21-\x7e]+)*$/)
    .describe('scopes separated by single spaces, including openid'),
  OIDC_GROUPS_CLAIM: z.string().max(200).describe('the name of a claim'),
  OIDC_TRUST_EMAIL: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .describe('true or false'),
  GITHUB_CLIENT_ID: z.string().max(512).describe('the client id of an OAuth app'),
  GITHUB_CLIENT_SECRET: secret(z.string().max(1024).describe('the client secret of the OAuth app')),
  GITHUB_URL: providerUrl('the URL of GitHub'),
  GITHUB_API_URL: providerUrl("the URL of GitHub's API"),
  SIGN_IN_TEAMS: z
    .string()
    .max(20_000)
    .transform((text) => text.split(',').map((part) => parseTeamRule(part.trim())))
    .refine((rules) => rules.every((rule) => rule !== null))
    .transform((rules) => rules.filter((rule) => rule !== null))
    .describe(
      'rules such as group:platform=first:admin, domain:example.com=<team id>:member or org:acme=first:member, separated by commas',
    ),
  WORKLOAD_IDENTITY_INTERNAL_ISSUERS: z
    .string()
    .transform((text) => text.split(',').map((part) => part.trim()))
    .refine((issuers) =>
      issuers.every((issuer) => URL.canParse(issuer) && new URL(issuer).protocol === 'https:'),
    )
    .describe('https URLs of issuers, such as https://gitlab.example.com, separated by commas'),
  TEAM_CREATION: z
    .enum(['everyone', 'members'])
    .describe('everyone (all people who sign in may create a team) or members (only members of a team may)'),
  MANAGER_WAIT_MS: milliseconds(0),
  SESSION_GRACE_MS: milliseconds(0),
  CONNECTION_HISTORY_MS: milliseconds(1, MAX_KEPT_MS),
  AUDIT_RETENTION_MS: forever(milliseconds(0, MAX_KEPT_MS)),
  SESSION_RETENTION_MS: forever(milliseconds(0, MAX_KEPT_MS)),
  CREDENTIAL_RETENTION_MS: forever(milliseconds(0, MAX_KEPT_MS)),
  HEAD_TIMEOUT_MS: milliseconds(),
  IDLE_TIMEOUT_MS: milliseconds(),
  RESPONSE_TIMEOUT_MS: milliseconds(),
  UPGRADE_IDLE_TIMEOUT_MS: orNone(milliseconds(0)),
  LAME_DUCK_MS: milliseconds(0),
  EDGE_WORKERS: count(256),
  SHUTDOWN_GRACE_MS: milliseconds(0),
  LINGER_IDLE_MS: milliseconds(),
  LINGER_MAX_MS: milliseconds(),
  LINGER_MAX_BYTES: count(Number.MAX_SAFE_INTEGER, 0),
  MAX_HEADER_BYTES: count(1_048_576, 1024),
  MAX_HEADER_COUNT: count(10_000),
  MAX_TARGET_BYTES: count(1_048_576, 1024),
  MAX_BODY_BYTES: orNone(count(Number.MAX_SAFE_INTEGER, 0)),
  MAX_STREAMS_PER_TUNNEL: count(1_000_000),
  MAX_TUNNELS: count(1_000_000),
  MAX_CONNECTIONS_PER_ADDRESS: orNone(count(1_000_000, 0)),
  MAX_REQUESTS_PER_PREVIEW: count(1_000_000),
  HTTP2_MAX_STREAMS: count(10_000),
  HTTP2_MAX_RESETS: count(1_000_000),
  HTTP2_MAX_CONTROL_FRAMES: count(1_000_000, 10),
  HTTP2_WINDOW_BYTES: count(16_777_216, 65_535),
  PULL_REQUEST_GITHUB_TOKEN: secret(token),
  PULL_REQUEST_GITHUB_API_URL: url(
    ['https:', 'http:'],
    'the URL of a GitHub API, such as https://github.example.com/api/v3',
  ),
  PULL_REQUEST_GITLAB_TOKEN: secret(token),
  PULL_REQUEST_GITLAB_API_URL: url(
    ['https:', 'http:'],
    'the URL of a GitLab API, such as https://gitlab.example.com/api/v4',
  ),
  PULL_REQUEST_BITBUCKET_TOKEN: secret(token),
  PULL_REQUEST_BITBUCKET_API_URL: url(
    ['https:', 'http:'],
    'the URL of the Bitbucket Cloud API, such as https://api.bitbucket.org/2.0',
  ),
  PULL_REQUEST_GITEA_TOKEN: secret(token),
  PULL_REQUEST_GITEA_API_URL: url(
    ['https:', 'http:'],
    'the URL of a Gitea or Forgejo API, such as https://git.example.com/api/v1',
  ),
  WEBHOOK_ALLOWED_NETWORKS: networks,
  WEBHOOK_ALLOW_HTTP: z
    .enum(['true', 'false'])
    .transform((text) => text === 'true')
    .describe('true or false'),
  TELEPRESENCE_AGENT_IMAGE: z
    .string()
    .regex(/^(?=.{1,255}$)[a-z0-9.-]+(?::\d{1,5})?(?:\/[a-z0-9._-]+)+:[A-Za-z0-9_.-]{1,128}$/)
    .describe('a full image name, such as docker.io/datawire/tel2:2.9.5'),
  TELEPRESENCE_GRACE_MS: milliseconds(),
  TELEPRESENCE_RETENTION_MS: milliseconds(1, MAX_KEPT_MS),
  MAX_PREVIEWS_PER_TEAM: count(10_000_000),
  MAX_SESSIONS_PER_TEAM: count(1_000_000),
  MAX_API_REQUESTS_PER_TEAM: orNone(count(100_000_000, 0)),
  MAX_LOGIN_REQUESTS_PER_ADDRESS: orNone(count(100_000_000, 0)),
  MAX_INVITATIONS_PER_DAY: orNone(count(1_000_000, 0)),
  MAX_PREVIEW_REQUESTS_PER_TEAM: orNone(count(1_000_000_000, 0)),
  MAX_EVENT_STREAMS: count(1_000_000),
} as const satisfies Record<string, z.ZodType>;

export type Variable = keyof typeof VARIABLES;

/** Values of the variables; those that are not set are absent. */
export type Values = VariableValues<typeof VARIABLES>;
