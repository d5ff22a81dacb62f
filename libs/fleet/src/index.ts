export { createDirectory, type DirectoryOptions } from './directory/create-directory.js';
export type {
  Directory,
  DirectoryFigures,
  DirectoryListener,
  EdgeNode,
  GoneEdge,
  Holder,
  Holding,
} from './directory/directory.js';
export { MalformedDirectoryDataError } from './directory/directory-codec.js';
export { DEFAULT_TIMES, type DirectoryTimes } from './directory/directory-times.js';
export { RedisDirectory } from './directory/redis-directory.js';
export { SoleDirectory } from './directory/sole-directory.js';
export { Fleet, type FleetFigures, type FleetOptions, startFleet } from './fleet.js';
export type { FleetEvent, FleetLog } from './fleet-log.js';
export type { LinkCredentials } from './links/link-credentials.js';
export {
  LINK_FAILURE_CAUSES,
  LinkError,
  type LinkFailureCause,
  REFUSAL_CAUSES,
  type RefusalCause,
} from './links/link-failure.js';
export { machineId } from './this-machine.js';
