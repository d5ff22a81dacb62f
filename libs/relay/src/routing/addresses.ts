/**
 * The two addresses of a preview, that of its URL and that of its target, and the fields that name them. A service that is
 * addressed under one of them sees that one in all fields of a request, and what it answers is translated back
 * (docs/relay.md#addresses). A route has an `AddressTranslator` only if it translates; all others cost one comparison.
 */
import { isIPv6 } from 'node:net';
import type { Ingress } from '@culvert/domain';
import { Field, type RequestHead, type ResponseHead } from '@culvert/http1';

/** How the service of a preview is addressed. */
export interface ServiceAddress {
  /** Value of `Host`. */
  readonly host: string;
  /** Header lines that tell the service more about its address, each with its CRLF. */
  readonly lines: string;
  /** Null: fields pass as they are. */
  readonly translator: AddressTranslator | null;
}

/** The parts of an ingress that its address depends on. */
export type AddressedIngress = Pick<Ingress, 'host' | 'port' | 'useTls' | 'l5Host' | 'addressedAs'>;

type Scheme = 'http' | 'https';

const DEFAULT_PORTS = { http: 80, https: 443 } as const;

/** The names by which programs on one machine call it. Services use them interchangeably. */
const LOOPBACK_NAMES = ['localhost', '127.0.0.1', '::1', '0.0.0.0'];

/**
 * Returns how the service of a preview is addressed.
 * @param previewUrl URL of the preview, without a slash at the end
 */
export function serviceAddress(previewUrl: string, ingress: AddressedIngress): ServiceAddress {
  const { l5Host, useTls, port, addressedAs } = ingress;
  if (addressedAs === 'l5host') return { host: bracketed(l5Host), lines: '', translator: null };
  const scheme = useTls ? 'https' : 'http';
  const host = bracketed(l5Host) + portSuffix(scheme, port);
  const names = targetNames(ingress);
  const origins = names.flatMap((name) => originsOf(scheme, bracketed(name), port));
  if (addressedAs === 'target') {
    const targetOrigin = `${scheme}://${host}`;
    return {
      host,
      lines: '',
      translator: new AddressTranslator({ previewUrl, targetOrigin, origins, names }),
    };
  }
  const { protocol, hostname, host: publicHost, port: publicPort } = new URL(previewUrl);
  const publicScheme = protocol === 'https:' ? 'https' : 'http';
  // A service that knows the public name may still not know that visitors use TLS, or which port they use.
  const inexact = [publicHost, hostname].flatMap((name) => [`http://${name}`, `https://${name}`]);
  origins.push(...inexact.filter((origin) => origin !== previewUrl));
  return {
    host: publicHost,
    lines: `X-Forwarded-Port: ${publicPort || DEFAULT_PORTS[publicScheme]}\r\n`,
    translator: new AddressTranslator({ previewUrl, targetOrigin: null, origins, names }),
  };
}

/** Translates the fields that name a preview or its target. */
export class AddressTranslator {
  private readonly previewUrl: string;
  private readonly previewScheme: Scheme;
  private readonly targetOrigin: string | null;
  private readonly origins: readonly string[];
  private readonly cookieDomains: ReadonlySet<string>;

  constructor(options: {
    readonly previewUrl: string;
    /** Origin that replaces the preview's own in requests; null: requests keep it. */
    readonly targetOrigin: string | null;
    /** Origins that responses must not name: in lower case. */
    readonly origins: readonly string[];
    /** Hosts of the target: cookies for these domains are cookies of the preview. In lower case. */
    readonly names: readonly string[];
  }) {
    this.previewUrl = options.previewUrl;
    this.previewScheme = options.previewUrl.startsWith('https:') ? 'https' : 'http';
    this.targetOrigin = options.targetOrigin;
    // Also without a scheme, as in `//localhost:3000/`.
    this.origins = [
      ...new Set(options.origins.flatMap((origin) => [origin, origin.slice(origin.indexOf(':') + 1)])),
    ];
    this.cookieDomains = new Set(options.names);
  }

  /** Whether the service does not learn the preview's name. Fields that name it are then not sent either. */
  get hidesPreview(): boolean {
    return this.targetOrigin !== null;
  }

  /** Returns the value that the service gets for field `i` of a request; '': it does not get the field; null: it stays. */
  requestValue(request: RequestHead, i: number): string | null {
    const { targetOrigin } = this;
    const id = request.id(i);
    if (targetOrigin === null || (id !== Field.ORIGIN && id !== Field.REFERER)) return null;
    const value = request.value(i);
    const end = this.ownOriginEnd(value, request.host);
    if (end >= 0 && (id === Field.REFERER || end === value.length)) return targetOrigin + value.slice(end);
    if (!this.isAtTarget(value)) return null;
    // The visitor's own machine, or another site of this name: the service would take its pages for its own.
    return id === Field.ORIGIN ? 'null' : '';
  }

  /** Returns the value that the visitor gets for field `i` of a response; null: it stays as it is. */
  responseValue(response: ResponseHead, i: number): string | null {
    switch (response.id(i)) {
      case Field.LOCATION:
      case Field.CONTENT_LOCATION:
        return this.publicUrl(response.value(i));
      case Field.REFRESH:
        return this.publicRefresh(response.value(i));
      case Field.ACCESS_CONTROL_ALLOW_ORIGIN: {
        const value = response.value(i);
        return value === this.targetOrigin ? this.previewUrl : null;
      }
      case Field.SET_COOKIE:
        return this.hostCookie(response.value(i));
      default:
        return null;
    }
  }

  /** Returns a Set-Cookie value without `Domain` if that names the target; null if it does not. */
  hostCookie(cookie: string): string | null {
    if (!DOMAIN_ATTRIBUTE.test(cookie)) return null;
    const parts = cookie.split(';');
    const kept = parts.filter((part, at) => at === 0 || !this.isTargetDomain(part));
    return kept.length === parts.length ? null : kept.join(';');
  }

  private isTargetDomain(attribute: string): boolean {
    const equals = attribute.indexOf('=');
    if (equals < 0 || attribute.slice(0, equals).trim().toLowerCase() !== 'domain') return false;
    const domain = attribute
      .slice(equals + 1)
      .trim()
      .toLowerCase();
    return this.cookieDomains.has(domain.replace(/^\./, ''));
  }

  /** Returns the offset behind the preview's own origin in `value`, or -1 if it begins with another one. */
  private ownOriginEnd(value: string, host: string): number {
    const { previewScheme, previewUrl } = this;
    if (startsWithOrigin(value, previewUrl)) return previewUrl.length;
    // Visitors may use another port than the public one, as through a forwarded port.
    const visited = `${previewScheme}://${host.toLowerCase()}`;
    return startsWithOrigin(value, visited) ? visited.length : -1;
  }

  /** Reports whether a URL has the target's name and port. Some services compare no scheme, so any counts. */
  private isAtTarget(value: string): boolean {
    const rest = value.slice(value.indexOf(':') + 1);
    for (const origin of this.origins) if (startsWithOrigin(rest, origin)) return true;
    return false;
  }

  private publicUrl(value: string): string | null {
    for (const origin of this.origins)
      if (startsWithOrigin(value, origin)) return this.previewUrl + value.slice(origin.length);
    return null;
  }

  private publicRefresh(value: string): string | null {
    const start = REFRESH_URL.exec(value)?.[0].length ?? -1;
    if (start < 0) return null;
    const url = this.publicUrl(value.slice(start));
    return url === null ? null : value.slice(0, start) + url;
  }
}

const DOMAIN_ATTRIBUTE = /;[ \t]*domain[ \t]*=/i;

/** What precedes the URL in a Refresh field. */
const REFRESH_URL = /^[ \t]*[\d.]{1,16}[ \t]*[;,][ \t]*(?:url[ \t]*=[ \t]*)?["']?/i;

/** Reports whether `value` is a URL of `origin`, which is in lower case. */
function startsWithOrigin(value: string, origin: string): boolean {
  const { length } = origin;
  return isOriginEnd(value, length) && value.slice(0, length).toLowerCase() === origin;
}

/** Reports whether an origin can end at this offset: a longer name, a port or a user name would make it another one. */
function isOriginEnd(value: string, at: number): boolean {
  return at === value.length || (at < value.length && ORIGIN_ENDS.includes(value[at]));
}

const ORIGIN_ENDS = '/?#"\'';

/** Returns the hosts by which the target may call itself, in lower case. */
function targetNames({ host, l5Host }: AddressedIngress): string[] {
  const names = [l5Host.toLowerCase(), host.toLowerCase()];
  return [...new Set(names.some(isLoopback) ? [...names, ...LOOPBACK_NAMES] : names)];
}

function isLoopback(name: string): boolean {
  return LOOPBACK_NAMES.includes(name) || name.endsWith('.localhost') || /^127(?:\.\d{1,3}){3}$/.test(name);
}

/** Returns the ways to write an origin: the default port may be left out. */
function originsOf(scheme: Scheme, host: string, port: number): string[] {
  const short = `${scheme}://${host}${portSuffix(scheme, port)}`;
  return port === DEFAULT_PORTS[scheme] ? [short, `${short}:${port}`] : [short];
}

function portSuffix(scheme: Scheme, port: number): string {
  return port === 0 || port === DEFAULT_PORTS[scheme] ? '' : `:${port}`;
}

/** Returns an IPv6 address as it is written in `Host` and before a port (RFC 3986 §3.2.2). */
export function bracketed(host: string): string {
  return isIPv6(host) ? `[${host}]` : host;
}
