import { hostname } from 'node:os';
import { checkClusterSecret } from '@culvert/meeting-point';
import { MAX_LEGS } from '@culvert/outbound';
import {
  type CertificateFiles,
  checkKey,
  ConfigurationError,
  type MetricsPort,
  readCertificate,
} from '@culvert/runtime';
import { AllowList } from './allow-list.js';

/** Options of `startTrafficManager`. */
export interface TrafficManagerOptions {
  /** `http:` or `https:` URL of the deployment. */
  readonly url: string;
  /** The key, or a function that reads it again before every attempt. */
  readonly apiKey: string | (() => Promise<string>);
  /** Manager id, the same after every restart: 1 to 128 characters. */
  readonly managerId: string;
  /** Name shown to people. Default: the host name. */
  readonly name?: string;
  /** Id of the cluster: other clusters cannot use the manager id while this one is connected. Default: empty. */
  readonly clusterId?: string;
  /** Tunnels to keep open, each to another edge: 1 to 8. Default: 2. */
  readonly tunnels?: number;
  /** PEM certificates to trust for the edge, in addition to the built-in ones. */
  readonly ca?: string;
  /** PEM certificates to trust for ingresses, in addition to the built-in ones. */
  readonly ingressCa?: string;
  /** Targets that it may connect to (allow-list.ts). Default: all but special addresses (special-address.ts). */
  readonly allow?: readonly string[];
  /** Limit for one attempt to connect to the edge, or to an ingress, TLS included. Default: 10 s. */
  readonly connectTimeoutMs?: number;
  /** How long `stop` lets open streams finish. Default: 30 s. */
  readonly drainMs?: number;
  /** Port of `/healthz`, `/readyz` and `/metrics`. Default: none. */
  readonly adminPort?: number;
  /** Where `/metrics` has a port of its own. Default: with `/healthz`. */
  readonly metrics?: MetricsPort;
  /** Port inside the cluster where traffic agents and clients meet (docs/cluster.md); 0: a free one. Default: none. */
  readonly clusterPort?: number;
  /** Certificate and key of that port. Default: plain text. */
  readonly clusterTls?: CertificateFiles;
  /** Secret that agents and clients may use instead of an API key: 16 to 512 visible characters. Default: none. */
  readonly clusterSecret?: string;
  /** How long the intercepts of a disconnected client are kept. Default: 60 s. */
  readonly clientGraceMs?: number;
}

export interface ResolvedOptions {
  readonly url: URL;
  readonly apiKey: () => Promise<string>;
  readonly managerId: string;
  readonly name: string;
  readonly clusterId: string;
  readonly tunnels: number;
  readonly ca: string | undefined;
  readonly ingressCa: string | null;
  readonly allowList: AllowList;
  readonly connectTimeoutMs: number;
  readonly drainMs: number;
  readonly adminPort: number | null;
  readonly metrics: MetricsPort | null;
  readonly clusterPort: number | null;
  readonly clusterTls: CertificateFiles | null;
  readonly clusterSecret: string | null;
  readonly clientGraceMs: number;
}

const DEFAULT_TUNNELS = 2;
const DEFAULT_CONNECT_TIMEOUT_MS = 10_000;
export const DEFAULT_DRAIN_MS = 30_000;
const DEFAULT_CLIENT_GRACE_MS = 60_000;

/** Throws ConfigurationError naming the first setting that is missing or wrong. */
export function resolveOptions(options: TrafficManagerOptions): ResolvedOptions {
  const { apiKey } = options;
  return {
    url: parseHttpUrl('CULVERT_URL (--url)', options.url),
    apiKey: typeof apiKey === 'string' ? () => Promise.resolve(checkKey(apiKey)) : apiKey,
    managerId: text('CULVERT_MANAGER_ID (--manager-id)', options.managerId, 1, 128),
    name: text('CULVERT_MANAGER_NAME (--name)', options.name ?? hostname(), 0, 128),
    clusterId: text('CULVERT_CLUSTER_ID (--cluster-id)', options.clusterId ?? '', 0, 128),
    tunnels: countOf('CULVERT_TUNNELS (--tunnels)', options.tunnels ?? DEFAULT_TUNNELS, MAX_LEGS),
    ca: options.ca,
    ingressCa: options.ingressCa ?? null,
    allowList: new AllowList(options.allow ?? []),
    connectTimeoutMs: options.connectTimeoutMs ?? DEFAULT_CONNECT_TIMEOUT_MS,
    drainMs: options.drainMs ?? DEFAULT_DRAIN_MS,
    adminPort: options.adminPort ?? null,
    metrics: options.metrics ?? null,
    clusterPort: options.clusterPort ?? null,
    clusterTls: checkedTls(options),
    clusterSecret: options.clusterSecret === undefined ? null : checkClusterSecret(options.clusterSecret),
    clientGraceMs: options.clientGraceMs ?? DEFAULT_CLIENT_GRACE_MS,
  };
}

function checkedTls({ clusterTls, clusterPort }: TrafficManagerOptions): CertificateFiles | null {
  if (clusterTls === undefined) return null;
  if (clusterPort === undefined)
    throw new ConfigurationError('CULVERT_CLUSTER_TLS_CERT_FILE needs CULVERT_CLUSTER_PORT');
  // The server reads it again; this check reports an unusable file before anything is started.
  try {
    readCertificate(clusterTls);
  } catch (cause) {
    const names = 'CULVERT_CLUSTER_TLS_CERT_FILE and CULVERT_CLUSTER_TLS_KEY_FILE';
    throw new ConfigurationError(`${names}: ${(cause as Error).message}`, { cause });
  }
  return clusterTls;
}

/** Throws ConfigurationError unless `value` is an http or https URL. */
export function parseHttpUrl(setting: string, value: string): URL {
  const wanted = `${setting} must be an http or https URL, such as https://culvert.example.com`;
  if (value === '') throw new ConfigurationError(`${wanted}; it is not set`);
  let url: URL;
  try {
    url = new URL(value);
  } catch (cause) {
    throw new ConfigurationError(`${wanted}; "${value}" is not a URL`, { cause });
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    throw new ConfigurationError(`${wanted}; "${value}" is neither`);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new ConfigurationError(`${wanted}, without credentials, query or fragment`);
  }
  return url;
}

function countOf(setting: string, value: number, max: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new ConfigurationError(`${setting}: ${value} is not a number from 1 to ${max}`);
}

function text(setting: string, value: string, min: number, max: number): string {
  if (value.length >= min && value.length <= max && !/[\p{Cc}\p{Cs}]/u.test(value)) return value;
  throw new ConfigurationError(`${setting} must be ${min} to ${max} characters without control characters`);
}
