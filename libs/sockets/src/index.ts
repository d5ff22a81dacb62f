export { ipv6Groups, networkOf, plainAddress, siteOf } from './address.js';
export { readBeforeFailing } from './read-before-failing.js';
export { isShared, readShared, sharedReads } from './shared-reads.js';
export { MAX_JOINED_BYTES, SocketWriter } from './socket-writer.js';
