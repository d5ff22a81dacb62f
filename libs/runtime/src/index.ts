export { type AdminPage, type AdminPages, probePages, startAdmin } from './admin/admin-server.js';
export { type ProgramPorts, startProgramPorts } from './admin/program-ports.js';
export { type DependencyCheck, Readiness, type ReadinessReport } from './admin/readiness.js';
export {
  type Certificate,
  certificateExpiry,
  type CertificateEvents,
  type CertificateFiles,
  CertificateWatch,
  readCertificate,
} from './certificate.js';
export { answerArguments, type CommandLineAnswer, exitOnArguments } from './command-line.js';
export { type FileEvents, FileWatch } from './file-watch.js';
export { keepHeapRoom } from './heap-room.js';
export { LineBudget, type LineBudgetOptions } from './log/line-budget.js';
export { createLog, LOG_LEVELS, type LogLevel } from './log/log.js';
export { HANDED_ON } from './log/redact.js';
export { prepareDataPlane } from './prepare-data-plane.js';
export { printResults } from './results.js';
export { ConfigurationError, type ConfigurationProblem } from './settings/configuration-error.js';
export { logLevel } from './settings/log-level.js';
export { METRICS_VARIABLES, type MetricsPort, metricsPortOf } from './settings/metrics-settings.js';
export {
  certificatesFile,
  integer,
  list,
  portNumber,
  readVariables,
  secret,
  anyText,
  textFile,
  type VariableTable,
  type VariableValues,
  withFlags,
} from './settings/read-variables.js';
export {
  checkKey,
  podNamespace,
  readSecret,
  readText,
  splitList,
  withoutUndefined,
} from './settings/secrets.js';
export {
  type LinkCredentialFiles,
  type LinkCredentialSettings,
  type LinkSettings,
  readLinkCredentials,
} from './settings/link-settings.js';
export {
  type App,
  APPS,
  appUrl,
  DEFAULT_GITHUB_URL,
  type ExchangeLogSettings,
  type ForgeSettings,
  loadDatabaseSettings,
  loadSettings,
  previewUrl,
  type Retention,
  type Settings,
} from './settings/settings.js';
export type { Limits } from './settings/limits.js';
export { type TeamRule, type Variable, VARIABLES } from './settings/variables.js';
export {
  exitOnConfigurationError,
  failToStart,
  type FailureOptions,
  listenError,
  StartError,
} from './start-error.js';
export { stopOnSignal, type StopOptions } from './stop-on-signal.js';
