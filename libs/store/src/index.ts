export { DataDirInUseError } from './database/data-dir-lock.js';
export type { DatabaseLocation } from './database/open-database.js';
export { MigrationError } from './migrate/migrate.js';
export { createStore } from './store.js';
