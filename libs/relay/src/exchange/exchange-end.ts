import type { MeasuredProtocol, MeasuredRoute } from '../measures.js';
import type { Route } from '../routing/route.js';
import type { MeasuredExchange } from './exchange-record.js';
import type { ExchangeHost } from './host.js';

/** Measures an exchange that ends now, and reports it. */
export function finishRecord(exchange: MeasuredExchange, host: ExchangeHost): void {
  const { record, route } = exchange;
  record.durationMs = performance.now() - record.startedAt;
  host.measures.observeEnd(protocolOf(exchange), routeOf(route), record, record.durationMs);
  host.handleEnd?.(exchange);
}

export function protocolOf({
  requester,
  record,
}: Pick<MeasuredExchange, 'requester' | 'record'>): MeasuredProtocol {
  if (record.status === 101) return 'websocket';
  if (requester.isHttp2) return 'http2';
  return requester.replay === undefined ? 'http1' : 'replay';
}

export function routeOf(route: Route | null): MeasuredRoute {
  if (route === null) return 'none';
  return route.kind === 'transparent' ? 'service' : route.kind;
}
