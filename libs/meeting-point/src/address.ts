/** Where a traffic manager is met. */

/** Where the Helm chart puts the traffic manager, and Telepresence did. */
const DEFAULT_NAMESPACE = 'ambassador';
const DEFAULT_PORT = 8085;

/** What may be written, and what it means: the WebSocket of an address is asked for by its HTTP. */
const SCHEMES: ReadonlyMap<string, string> = new Map([
  ['http:', 'http:'],
  ['ws:', 'http:'],
  ['https:', 'https:'],
  ['wss:', 'https:'],
]);

/**
 * Reads the address of a traffic manager: `http`, `https`, `ws` or `wss`. Null: it is none, or has more than host, port
 * and path.
 */
export function meetingPointUrl(text: string): URL | null {
  if (!URL.canParse(text)) return null;
  const url = new URL(text);
  const scheme = SCHEMES.get(url.protocol);
  if (scheme === undefined || url.username + url.password + url.search + url.hash !== '') return null;
  url.protocol = scheme;
  return url;
}

/**
 * Where it is unless somebody says otherwise.
 * @param namespace of the traffic manager; empty: the usual one
 */
export function defaultMeetingPoint(options: {
  readonly namespace: string;
  readonly isTls: boolean;
}): string {
  return `${options.isTls ? 'https' : 'http'}://traffic-manager.${options.namespace || DEFAULT_NAMESPACE}:${DEFAULT_PORT}`;
}
