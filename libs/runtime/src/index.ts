export { type AdminPage, type AdminPages, probePages, startAdmin } from './admin/admin-server.js';
export { type DependencyCheck, Readiness, type ReadinessReport } from './admin/readiness.js';
export {
  type Certificate,
  type CertificateEvents,
  type CertificateFiles,
  CertificateWatch,
  readCertificate,
} from './certificate.js';
export { restoreFastStrings } from './fast-strings.js';
export { LineBudget, type LineBudgetOptions } from './log/line-budget.js';
export { createLog, LOG_LEVELS, logLevelOf, type LogLevel } from './log/log.js';
export { HANDED_ON } from './log/redact.js';
export { printResults } from './results.js';
export { ConfigurationError, type ConfigurationProblem } from './settings/configuration-error.js';
export {
  checkKey,
  podNamespace,
  readSecret,
  readText,
  SettingReader,
  splitList,
  withoutUndefined,
} from './settings/setting-reader.js';
export {
  type App,
  APPS,
  appUrl,
  DEFAULT_GITHUB_URL,
  type ForgeSettings,
  loadSettings,
  previewUrl,
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
