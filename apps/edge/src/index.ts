export { Edge } from './edge.js';
export { EdgeModule } from './edge.module.js';
export { PublicListener } from './listener/public-listener.js';
export { PREVIEW_ENTRANCES } from './previews/preview-entrance.js';
export { CREDENTIAL_KINDS } from './previews/preview-gate.js';
export { TunnelAuthenticator } from './tunnels/tunnel-authenticator.js';
export { TunnelSessions } from './tunnels/tunnel-sessions.js';
export { TunnelWsAdapter } from './tunnels/tunnel-ws-adapter.js';
