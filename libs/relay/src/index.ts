export type { AccessGate, Verdict } from './access-gate.js';
export { BANNER_CLOSED_PATH, type BannerDefinition } from './banner/banner-html.js';
export { ERROR_PAGE_POLICY, type ErrorPage, errorPage } from './error-page.js';
export { GateAnswer } from './gate-answer.js';
export { forwardedFor, TrustedProxies } from './forwarded.js';
export {
  type BegunExchange,
  BodyCapture,
  type ExchangeError,
  type ExchangeObserver,
  ExchangeTrace,
  type ReplayMark,
} from './exchange-trace.js';
export { Http2Dialer } from './http2-upstream.js';
export { DEFAULT_RELAY_LIMITS, type Http2Limits, type RelayLimits } from './limits.js';
export { type AcceptOptions, Relay, type RelayCounters, type RelayOptions } from './relay.js';
export { hasOwnAuthorization, noteOwnAuthorization } from './own-authorization.js';
export { RelayError, type RelayErrorCode } from './relay-error.js';
export { requestFault } from './request-faults.js';
export { replayHead, type ReplayRequest } from './replay-request.js';
export type { ReplayAnswer, ReplayOptions } from './replay-visitor.js';
export { type PreviewRouteDefinition, Route } from './route.js';
export type { RouteTraffic } from './route-traffic.js';
export {
  BANNER_COOKIE,
  cookieValue,
  NONCE_COOKIE,
  SESSION_COOKIE,
  VISIT_COOKIE,
} from './reserved-cookies.js';
export { DEFAULT_ROUTER_LIMITS, Router, type RouterLimits } from './router.js';
export { SocketDialer, SocketStream } from './socket-stream.js';
export {
  DEFAULT_POOL_LIMITS,
  type Dialled,
  type Dialer,
  PooledStream,
  type PoolLimits,
  StreamPool,
} from './stream-pool.js';
export type { TakenStream, TakenStreamHandler } from './taken-stream.js';
export { TunnelRegistry } from './tunnel-registry.js';
