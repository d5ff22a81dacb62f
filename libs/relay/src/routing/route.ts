import type { ResponseHead } from '@culvert/http1';
import type { StreamPool } from '../upstream/stream-pool.js';
import type { AddressTranslator } from './addresses.js';
import type { BodyFilter } from './body-filter.js';
import { hopMarkOf } from './hop-mark.js';
import { RepeatedHead } from './repeated-head.js';
import type { RequestBudget } from './request-budget.js';
import { RouteTraffic } from './route-traffic.js';

/** What the relay has to know of a preview to forward its requests. */
export interface PreviewRouteDefinition {
  /** The preview's id. */
  readonly id: string;
  readonly teamId: string;
  readonly hostname: string;
  readonly interceptId: string;
  /** `host:port` for error messages. */
  readonly ingress: string;
  /** `Host` the ingress sees. */
  readonly l5Host: string;
  /** More header lines about the service's address, each with its CRLF; absent: none. */
  readonly addressLines?: string;
  /** Translates fields that name the preview or its target; null or absent: they stay as they are. */
  readonly translator?: AddressTranslator | null;
  /** Set on every request, over what the visitor sent. Names and values are valid field syntax. */
  readonly addRequestHeaders: Readonly<Record<string, string>>;
  readonly access: 'team' | 'public';
  /** Changes bodies of responses; null or absent: they stay as they are. */
  readonly bodyFilter?: BodyFilter | null;
  /** Beginning of the path that the service does not get, without a slash at its end; absent: it gets whole paths. */
  readonly stripPrefix?: string;
  /** Whether requests may switch to protocols other than WebSocket; absent: no. */
  readonly allowUpgrades?: boolean;
  /** Milliseconds since the epoch; Infinity for never. */
  readonly expiresAt: number;
  /** Differs from that of every other state of the preview that needs another route. */
  readonly revision?: string;
}

/**
 * - `all`: `X-Forwarded-*` and `Forwarded`
 * - `address`: `X-Forwarded-For` with the visitor's address alone, for a service that must not learn the preview's name
 * - `none`: what the visitor sent
 */
export type ForwardedScope = 'all' | 'address' | 'none';

/**
 * Where the requests of one hostname go and which rules apply to them. Made once per hostname and kept while
 * nothing changes, so everything that does not depend on the request is computed here.
 */
export class Route {
  /** Exchanges under way; bounded by `maxRequestsPerPreview`, but for the application. */
  active = 0;
  /** Exchanges among these that have no stream yet. */
  waiting = 0;
  /** Shared with the other previews of its team; null while the relay does not know that it is used, and for the app. */
  budget: RequestBudget | null = null;
  /** Counted since `Relay.drainTraffic` was last called. */
  traffic: RouteTraffic;
  readonly repeated = new RepeatedHead<ResponseHead>();
  /** What the service learns about its visitor from fields that the relay writes. */
  readonly forwards: ForwardedScope;

  private constructor(
    readonly kind: 'preview' | 'app' | 'transparent',
    readonly id: string,
    readonly teamId: string,
    readonly hostname: string,
    /** Name of the other end in error messages. */
    readonly ingress: string,
    readonly access: 'team' | 'public',
    readonly expiresAt: number,
    /** Header lines every request gets, each with its CRLF. */
    readonly requestLines: string,
    /** Names that `requestLines` sets and a visitor must not, in lower case and with hyphens for underscores. */
    readonly ownedNames: readonly string[],
    readonly pool: StreamPool,
    /** Changes bodies of responses; null: they stay as they are. */
    readonly bodyFilter: BodyFilter | null,
    /** Shows whether a route that was read again is still the same. */
    readonly revision: string,
    /** The mark of requests that have passed it (`hop-mark.ts`); '' for a route that is not a preview's. */
    readonly hopMark: string,
    /** Whether requests may switch to protocols other than WebSocket. */
    readonly allowsUpgrades: boolean,
    /** Translates fields that name the preview or its target; null: they stay as they are. */
    readonly translator: AddressTranslator | null = null,
    /** `Host` the service sees; '': the visitor's. */
    readonly host = '',
    /** Beginning of the path that the service does not get; '': it gets whole paths. */
    readonly strippedPrefix = '',
  ) {
    this.forwards = kind === 'transparent' ? 'none' : translator?.hidesPreview === true ? 'address' : 'all';
    this.traffic = new RouteTraffic(teamId, id);
  }

  static forPreview(definition: PreviewRouteDefinition, pool: StreamPool): Route {
    const added = Object.entries(definition.addRequestHeaders);
    const mark = hopMarkOf(definition.id);
    const lines =
      `Host: ${definition.l5Host}\r\nx-telepresence-intercept-id: ${definition.interceptId}\r\n` +
      `x-culvert-hop: ${mark}\r\n${definition.addressLines ?? ''}` +
      added.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    return new Route(
      'preview',
      definition.id,
      definition.teamId,
      definition.hostname,
      definition.ingress,
      definition.access,
      definition.expiresAt,
      lines,
      added.map(([name]) => name.toLowerCase().replaceAll('_', '-')),
      pool,
      definition.bodyFilter ?? null,
      definition.revision ?? '',
      mark,
      definition.allowUpgrades ?? false,
      definition.translator ?? null,
      definition.l5Host,
      definition.stripPrefix ?? '',
    );
  }

  /**
   * Creates the route of the application itself: API and dashboard, which guard themselves and see the visitor's own
   * headers.
   */
  static forApp(hostname: string, pool: StreamPool): Route {
    return new Route(
      'app',
      'app',
      '',
      hostname,
      'Culvert API',
      'public',
      Infinity,
      '',
      [],
      pool,
      null,
      '',
      '',
      false,
    );
  }

  /**
   * Returns the route of a service that must not notice the relay: heads pass unchanged, except for what HTTP demands of
   * every intermediary (RFC 9110 §7.6).
   * @param service what error messages call it
   */
  static forService(service: string, pool: StreamPool): Route {
    return new Route(
      'transparent',
      service,
      '',
      '',
      service,
      'public',
      Infinity,
      '',
      [],
      pool,
      null,
      '',
      '',
      true,
    );
  }
}
