export { createTestCertificate, type TestCertificate } from './certificate.js';
export { Deferred } from './deferred.js';
export { createTestDatabase, type TestDatabase } from './test-database.js';
export { LoopbackManager, type LoopbackOptions } from './telepresence-manager/loopback.js';
