export {
  type Check,
  type CheckResult,
  type CheckState,
  failureOf,
  type Facts,
  type Finding,
  roundMs,
  runChecks,
  type RunOptions,
} from './check.js';
export { connectionChecks } from './connection-checks.js';
export type { Way } from './way.js';
