/** The service, on this machine or near it, that receives requests. */
import { isIPv6 } from 'node:net';
import { ClientError } from '../client-error.js';

export interface Target {
  /** A host name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
  /** Whether it uses TLS. */
  readonly isTls: boolean;
}

/** Pattern that Culvert accepts for the host of an ingress: a name or an IPv4 address, in lower case. */
const HOST = /^[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?$/;

/**
 * Reads `PORT`, `HOST:PORT`, `[ADDRESS]:PORT` or `http(s)://HOST[:PORT]`.
 * @param source name of the text in error messages
 * @throws ClientError
 */
export function parseTarget(text: string, source = 'the target'): Target {
  const refuse = (why: string): never => {
    throw new ClientError('usage', `${source}: ${why}`, {
      hint: 'Name a port (3000), a host and port (127.0.0.1:3000), or a URL (https://localhost:3000).',
    });
  };
  if (/^\d+$/.test(text)) return { host: 'localhost', port: portOf(text, refuse), isTls: false };
  const hasScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text);
  const address = hasScheme ? text : `http://${text}`;
  if (!URL.canParse(address)) return refuse(`"${text}" is not an address`);
  const url = new URL(address);
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return refuse(`${url.protocol}// is not supported (use http or https)`);
  if (url.username !== '' || url.password !== '') return refuse('a URL with credentials cannot be exposed');
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '')
    return refuse('a preview shows the whole service: leave the path out');
  const isTls = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[(.*)\]$/, '$1');
  if (!isIPv6(host) && !HOST.test(host)) return refuse(`"${host}" is not a host name`);
  // `new URL` drops the default port of the scheme. Without a scheme, a port is required.
  if (url.port === '' && !hasScheme && !/:0*80$/.test(text)) return refuse(`"${text}" has no port`);
  const port = url.port === '' ? (isTls ? 443 : 80) : portOf(url.port, refuse);
  return { host, port, isTls };
}

/** Returns the usual spelling: `localhost:3000`. */
export function showTarget({ host, port }: Pick<Target, 'host' | 'port'>): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

function portOf(text: string, refuse: (why: string) => never): number {
  const port = Number(text);
  return port >= 1 && port <= 65_535 ? port : refuse(`${text} is not a port (use 1 to 65535)`);
}
