export { readShared, sharedReads } from './shared-reads.js';
export { MAX_JOINED_BYTES, SocketWriter } from './socket-writer.js';
