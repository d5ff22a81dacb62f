export { Backoff } from './backoff.js';
export { connectIngress, type IngressConnection, type IngressTls } from './connect-ingress.js';
export { createFetch, type Fetch, type FetchOptions } from './fetch.js';
export { KeptTunnel, type KeptTunnelOptions, type TunnelEnd } from './kept-tunnel.js';
export {
  describeFailure,
  FORBIDDEN_ADDRESS,
  type IngressFailure,
  type IngressPhase,
} from './ingress-error.js';
export { Splice, type SpliceOptions } from './splice.js';
