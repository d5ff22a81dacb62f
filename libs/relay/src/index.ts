export {
  type AddressedIngress,
  AddressTranslator,
  bracketed,
  type ServiceAddress,
  serviceAddress,
} from './routing/addresses.js';
export { type AccessGate, ALLOW, OPEN_GATE, refuse, respond, type Verdict } from './routing/access-gate.js';
export { type Clock, RelayClock } from './clock.js';
export { ERROR_PAGE_POLICY, type ErrorPage, errorPage } from './answers/error-page.js';
export type { ConnectionPlaces } from './visitors/connection-places.js';
export { EdgeBefore, forwardedFor, TrustedProxies } from './visitors/forwarded.js';
export {
  type BegunExchange,
  BodyCapture,
  type ExchangeError,
  type ByteReader,
  type ExchangeObserver,
  ExchangeTrace,
  type ReplayMark,
} from './exchange/exchange-trace.js';
export { type FieldChange, requestChanges, responseChanges } from './routing/field-changes.js';
export { Http2Dialer } from './upstream/http2-dialer.js';
export { ExchangeRecord, type MeasuredExchange } from './exchange/exchange-record.js';
export { type MeasuredLimit, RelayMeasures } from './measures.js';
export { DEFAULT_RELAY_LIMITS, type Http2Limits, MEMORY_LIMITS, type RelayLimits } from './limits.js';
export type { RelayCounters } from './exchange/host.js';
export { type AcceptOptions, Relay, type RelayOptions } from './relay.js';
export { hasOwnAuthorization, noteOwnAuthorization } from './routing/own-authorization.js';
export {
  describeRelayError,
  RELAY_ERROR_CODES,
  RelayError,
  type RelayErrorCode,
} from './answers/relay-error.js';
export { requestFault } from './answers/request-faults.js';
export { replayHead, type ReplayRequest } from './visitors/replay-request.js';
export type { ReplayAnswer, ReplayOptions } from './visitors/replay-requester.js';
export type { BodyFilter, BodySink, FilteredBody } from './routing/body-filter.js';
export { RequestBudgets } from './routing/request-budget.js';
export { type PreviewRouteDefinition, Route } from './routing/route.js';
export type { RouteCache, RouteSource } from './routing/route-source.js';
export type { RouteTraffic } from './routing/route-traffic.js';
export {
  BANNER_COOKIE,
  cookieValue,
  NONCE_COOKIE,
  SESSION_COOKIE,
  VISIT_COOKIE,
} from './routing/reserved-cookies.js';
export { DEFAULT_ROUTER_LIMITS, Router, type RouterLimits } from './routing/router.js';
export { SocketDialer, SocketStream } from './upstream/socket-stream.js';
export {
  DEFAULT_POOL_LIMITS,
  type Dialed,
  type Dialer,
  type PooledStream,
  type PoolLimits,
  type StreamPool,
} from './upstream/stream-pool.js';
export { StreamPools } from './upstream/stream-pools.js';
export type { HandOff, SocketReceiver, StreamReceiver } from './visitors/hand-off.js';
export type { HandedOffStream, HandedOffStreamHandler } from './visitors/handed-off-stream.js';
export type { RemoteTunnels } from './upstream/remote-tunnels.js';
export { type TunnelRegistryListener, TunnelRegistry } from './upstream/tunnel-registry.js';
