export { createTestCertificate, type TestCertificate } from './certificate.js';
export { ConnectProxy } from './connect-proxy.js';
export { Deferred } from './deferred.js';
export { EdgeFleet, type FleetAttempt, type FleetTunnel } from './edge-fleet.js';
export { EventReader, type ReadEvent } from './event-reader.js';
export { collectGarbage, liveBytes } from './garbage.js';
export { type DialerPeer, MeetingPointDouble } from './meeting-point-double.js';
export { createLoopbackClient } from './loopback-client.js';
export { SeededRandom } from './seeded-random.js';
export { StallingProxy } from './stalling-proxy.js';
export { createTestDatabase, type TestDatabase } from './test-database.js';
export { TestServer, type SeenRequest } from './test-server.js';
export { LoopbackManager, type LoopbackOptions } from './telepresence-manager/loopback.js';
export { type Behaviour, behaviourOf, type Faults } from './telepresence-manager/behaviour.js';
export {
  type DoubleIngress,
  type DoubleIntercept,
  type DoublePreviewSpec,
  type NewIntercept,
} from './telepresence-manager/intercept-table.js';
export {
  type DoubleConnection,
  type ManagerDoubleOptions,
  TrafficManagerDouble,
} from './telepresence-manager/traffic-manager-double.js';
export { TokenIssuer, type TokenOptions } from './token-issuer.js';
export { TelepresenceClient, TokenRefusal } from './telepresence-client.js';
export { StreamRecorder, TunnelRecorder } from './tunnel-recorders.js';
