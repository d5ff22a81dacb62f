export { createTestDatabase, type TestDatabase } from '@culvert/testkit';
