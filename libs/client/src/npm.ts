/** What the npm package `@culvert/client` exports. The packages of this repository import `index.ts`. */
export { ClientError, type ClientErrorCode } from './client-error.js';
export type {
  ClientArguments,
  ClientInput,
  ClientItem,
  ClientOperationId,
  ClientResult,
  CulvertClient,
  PagedOperationId,
} from './public/client-types.js';
export { type ClientOptions, createClient } from './public/create-client.js';
export { expose } from './public/expose.js';
export type {
  ConnectionOptions,
  ExposeOptions,
  ExposeTarget,
  PreviewRequest,
  RunningPreview,
} from './public/types.js';
