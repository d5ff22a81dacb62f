export { GrpcStatus } from './grpc-status.js';
export { type CallFailure, type InterceptWatcher, type ManagerClient } from './manager-client.js';
export { type Codec, Codecs, MessageError } from './messages/codec.js';
export { type Method, Methods, REVERSE_CONNECTION_PATH } from './messages/methods.js';
export * from './messages/types.js';
export { type ReverseCarrier, type ReverseCarrierHandler } from './reverse-carrier.js';
export {
  acceptReverseConnection,
  type ReverseTunnelConnection,
  type ReverseTunnelEnd,
  type ReverseTunnelHandler,
} from './reverse-tunnel.js';
export { DEFAULT_REVERSE_SETTINGS, type ReverseTunnelSettings } from './settings.js';
