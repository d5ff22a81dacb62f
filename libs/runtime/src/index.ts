export { startAdmin } from './admin.js';
export {
  type Certificate,
  type CertificateEvents,
  type CertificateFiles,
  CertificateWatch,
  readCertificate,
} from './certificate.js';
export { ConfigurationError } from './configuration-error.js';
export { HANDED_ON } from './redact.js';
export { createLog, LOG_LEVELS, logLevelOf, type LogLevel } from './log.js';
export { stopOnSignals } from './stop-on-signals.js';
export {
  checkKey,
  podNamespace,
  readSecret,
  readText,
  SettingReader,
  splitList,
  withoutUndefined,
} from './settings.js';
