export { BackupError } from './backup/backup-error.js';
export { replaceEmbedded, type ReplaceOptions, snapshotEmbedded } from './backup/embedded-backup.js';
export {
  openServerSnapshot,
  replaceServerData,
  type ServerSnapshot,
  serverVersion,
} from './backup/server-backup.js';
export type { Snapshot } from './backup/snapshot-socket.js';
export { DataDirInUseError } from './database/data-dir-lock.js';
export type { DatabaseLocation } from './database/open-database.js';
export { knownMigrations, MigrationError } from './migrate/migrate.js';
export { DatabaseMeasures } from './database-measures.js';
export { createStore, type MeasuredStore } from './store.js';
