/** URLs of traffic managers. */

/** Where the Helm chart puts the traffic manager, like Telepresence's chart. */
const DEFAULT_NAMESPACE = 'ambassador';
const DEFAULT_PORT = 8085;

/** Accepted schemes and their HTTP equivalents, with which the WebSocket is requested. */
const SCHEMES: ReadonlyMap<string, string> = new Map([
  ['http:', 'http:'],
  ['ws:', 'http:'],
  ['https:', 'https:'],
  ['wss:', 'https:'],
]);

/**
 * Reads the URL of a traffic manager: `http`, `https`, `ws` or `wss`. Null if it is not one, or has more than host, port and
 * path.
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
 * Returns the default URL.
 * @param namespace of the traffic manager; empty: the default one
 */
export function defaultMeetingPoint(options: {
  readonly namespace: string;
  readonly isTls: boolean;
}): string {
  return `${options.isTls ? 'https' : 'http'}://traffic-manager.${options.namespace || DEFAULT_NAMESPACE}:${DEFAULT_PORT}`;
}
