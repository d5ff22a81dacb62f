export { type Carrier, type CarrierHandler } from './carrier.js';
export {
  type AcceptOptions,
  type DialOptions,
  type GoAwayOptions,
  type HelloAnswer,
  type TunnelConnection,
  type TunnelHandler,
} from './connection.js';
export { ProtocolError, TunnelError } from './errors.js';
export { GoAwayCode, goAwayName, isFault, PROTOCOL_VERSION, retryAfter, type Retry } from './frame.js';
export { type Hello, type Welcome } from './handshake.js';
export { DEFAULT_SETTINGS, tunnelSettings, type TunnelSettings } from './settings.js';
export { type IncomingStream } from './stream.js';
export { acceptTunnel, dialTunnel } from './tunnel.js';
export { probeTunnel, type TunnelProbe } from './tunnel-probe.js';
export * from './types.js';
export { MAX_MESSAGE_BYTES, WEBSOCKET_OPTIONS, WebSocketCarrier } from './websocket-carrier.js';
export { dialWebSocket, TUNNEL_PATH, type DialResult, type DialTarget } from './websocket-dial.js';
/** What tunnels share as `DialOptions.budget`. */
export { ReceiveBudget } from '@culvert/flow';
