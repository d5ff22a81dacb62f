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
export { type Counts, countsOf, linesOf, summaryOf } from './result-text.js';
export { tunnelCheck, type TunnelPlace } from './tunnel-check.js';
export type { Way } from './way.js';
