export { Backoff } from './backoff.js';
export { connectIngress, type IngressConnection, type IngressTls } from './connect-ingress.js';
export { createFetch, type Fetch, type FetchOptions } from './fetch.js';
export { asFetch, type Fetch as OutboundFetch } from './http/as-fetch.js';
export { HttpClient, type HttpClientOptions } from './http/http-client.js';
export { HTTP_ERROR_KINDS, HttpError, type HttpErrorKind } from './http/http-error.js';
export { HttpResponse, type HttpRequest } from './http/http-message.js';
export { KeptTunnel, type KeptTunnelOptions, type TunnelEnd } from './kept-tunnel.js';
export {
  describeFailure,
  FORBIDDEN_ADDRESS,
  type IngressFailure,
  type IngressPhase,
} from './ingress-error.js';
export { Splice, type SpliceOptions } from './splice.js';
