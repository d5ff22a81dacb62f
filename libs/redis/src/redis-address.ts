/** Addresses of Redis: one server, Sentinel, or Cluster. No I/O. */

/** Host and port of one server. */
export interface RedisNode {
  readonly host: string;
  readonly port: number;
}

/** The address of Redis, and the credentials of Culvert there. */
export interface RedisAddress {
  /** `single`: one server. `sentinel`: `nodes` are Sentinels that know the master. `cluster`: `nodes` are some of its nodes. */
  readonly mode: 'single' | 'sentinel' | 'cluster';
  readonly isTls: boolean;
  /** At least one. */
  readonly nodes: readonly RedisNode[];
  /** The name by which Sentinels know the master; empty in the other modes. */
  readonly masterName: string;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly sentinelUsername: string | undefined;
  readonly sentinelPassword: string | undefined;
  /** Name of the connections in Redis' own lists. */
  readonly connectionName: string | undefined;
  /** IP version of the addresses that names resolve to: 4, 6, or 0 for both. */
  readonly family: number;
  /** Number of the database; 0 with Cluster, which has no other. */
  readonly database: number;
}

const MAX_NODES = 100;
const MAX_LENGTH = 4096;
const MAX_DATABASE = 65_535;
const DEFAULT_PORTS = { single: 6379, sentinel: 26_379, cluster: 6379 } as const;

const SENTINEL_PARAMETERS = ['sentinelUsername', 'sentinelPassword'];

const FORM = /^redis(s)?(?:\+(sentinel|cluster))?:\/\/(?:([^@/?]*)@)?([^@/?]+)((?:\/[^/?]*)*)(?:\?(.*))?$/;
const NODE = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{1,5}))?$/;

/**
 * Reads `redis://[user:password@]host[:port][/database]`, `redis+sentinel://[user:password@]host[:port],…/master[/database]`,
 * or `redis+cluster://[user:password@]host[:port],…`; with `rediss` in place of `redis` for TLS. The parameters
 * `sentinelUsername` and `sentinelPassword` are credentials for the Sentinels themselves; `connectionName` and `family` are
 * allowed in every form. Returns null for anything else.
 */
export function parseRedisAddress(text: string): RedisAddress | null {
  const match = text.length <= MAX_LENGTH ? FORM.exec(text) : null;
  if (match === null) return null;
  const [, tls, kind, userInfo, hosts = '', path = '', query] = match;
  const mode = (kind ?? 'single') as RedisAddress['mode'];
  const nodes = hosts.split(',').map((host) => parseNode(host, DEFAULT_PORTS[mode]));
  const place = parsePath(
    mode,
    path
      .split('/')
      .slice(1)
      .filter((part) => part !== ''),
  );
  const credentials = parseCredentials(userInfo);
  const parameters = parseParameters(mode, query);
  if (nodes.length > MAX_NODES || (mode === 'single' && nodes.length > 1)) return null;
  if (place === null || credentials === null || parameters === null) return null;
  const known = nodes.filter((node) => node !== null);
  if (known.length < nodes.length) return null;
  return { mode, isTls: tls !== undefined, nodes: known, ...place, ...credentials, ...parameters };
}

function parseNode(text: string, defaultPort: number): RedisNode | null {
  const match = NODE.exec(text);
  if (match === null) return null;
  const [, host = '', digits] = match;
  const port = digits === undefined ? defaultPort : Number(digits);
  return port >= 1 && port <= 65_535 ? { host: host.replace(/^\[|\]$/g, ''), port } : null;
}

function parsePath(
  mode: RedisAddress['mode'],
  parts: readonly string[],
): Pick<RedisAddress, 'masterName' | 'database'> | null {
  const [masterName, ...rest] = mode === 'sentinel' ? parts : ['', ...parts];
  if (masterName === undefined || rest.length > (mode === 'cluster' ? 0 : 1)) return null;
  const [digits = '0'] = rest;
  const database = /^\d{1,5}$/.test(digits) ? Number(digits) : Infinity;
  return database <= MAX_DATABASE ? { masterName: decode(masterName) ?? '', database } : null;
}

function parseCredentials(userInfo: string | undefined): Pick<RedisAddress, 'username' | 'password'> | null {
  if (userInfo === undefined || userInfo === '') return { username: undefined, password: undefined };
  const [user = '', ...rest] = userInfo.split(':');
  const [username, password] = [decode(user), decode(rest.join(':'))];
  if (username === null || password === null) return null;
  return {
    username: username === '' ? undefined : username,
    password: password === '' ? undefined : password,
  };
}

type Parameters = Pick<RedisAddress, 'connectionName' | 'family' | 'sentinelUsername' | 'sentinelPassword'>;

function parseParameters(mode: RedisAddress['mode'], query: string | undefined): Parameters | null {
  const parameters = new URLSearchParams(query);
  const known = ['connectionName', 'family', ...(mode === 'sentinel' ? SENTINEL_PARAMETERS : [])];
  if ([...parameters.keys()].some((name) => !known.includes(name))) return null;
  const family = parameters.get('family') ?? '0';
  if (!/^[046]$/.test(family)) return null;
  return {
    connectionName: parameters.get('connectionName') ?? undefined,
    family: Number(family),
    sentinelUsername: parameters.get('sentinelUsername') ?? undefined,
    sentinelPassword: parameters.get('sentinelPassword') ?? undefined,
  };
}

/** Null if `text` is not percent-encoded. */
function decode(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
