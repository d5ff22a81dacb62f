/** `host` without its port. IPv6 literals keep their brackets. */
export function hostnameOf(host: string): string {
  const colon = host.lastIndexOf(':');
  return colon < 0 || host.endsWith(']') ? host : host.slice(0, colon);
}
