export type { Directory, DirectoryListener, EdgeNode, Holder, Holding } from './directory/directory.js';
export { SoleDirectory } from './directory/sole-directory.js';
