export { createDirectory, type DirectoryOptions } from './directory/create-directory.js';
export type { Directory, DirectoryListener, EdgeNode, Holder, Holding } from './directory/directory.js';
export { MalformedDirectoryDataError } from './directory/directory-codec.js';
export { DEFAULT_TIMES, type DirectoryTimes } from './directory/directory-times.js';
export { RedisDirectory } from './directory/redis-directory.js';
export { SoleDirectory } from './directory/sole-directory.js';
export { Fleet, type FleetFigures, type FleetLog, type FleetOptions, startFleet } from './fleet.js';
export type { LinkCredentials } from './links/link-credentials.js';
