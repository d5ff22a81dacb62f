export { Backoff } from './backoff.js';
export { withUsualCertificates } from './certificates.js';
export { connectIngress, type IngressConnection, type IngressTls } from './connect-ingress.js';
export { AllowedNetworks } from './http/allowed-networks.js';
export { asFetch, type Fetch } from './http/as-fetch.js';
export { HttpClient } from './http/http-client.js';
export type { HttpClientOptions } from './http/http-options.js';
export { HTTP_ERROR_KINDS, HttpError, type HttpErrorKind } from './http/http-error.js';
export type { HttpRequest, HttpResponse } from './http/http-message.js';
export { openProxyTunnel } from './http/proxy-tunnel.js';
export { KeptLegs, type KeptLegsOptions, MAX_LEGS } from './kept-legs.js';
export { KeptTunnel, type KeptTunnelOptions, type TunnelEnd } from './kept-tunnel.js';
export {
  describeFailure,
  FORBIDDEN_ADDRESS,
  type IngressFailure,
  type IngressPhase,
} from './ingress-error.js';
export { Splice, type SpliceOptions } from './splice.js';
export { proxyAgent, proxyOf } from './proxy.js';
