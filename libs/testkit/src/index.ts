export { createTestCertificate, type TestCertificate } from './certificate.js';
export { Deferred } from './deferred.js';
