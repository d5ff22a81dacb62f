export { ErrorCode } from './frames/frame.js';
export { HpackDecoder } from './hpack/decoder.js';
export type { HpackEncoder } from './hpack/encoder.js';
export type { HeaderField } from './hpack/header-field.js';
export { type ConnectionOwner, ServerConnection } from './server/connection.js';
export { type ConnectionLimits } from './server/limits.js';
export { readRequestFields, type RequestFields } from './server/request-fields.js';
export { ServerStream, type StreamHandler, type Trailers } from './server/stream.js';
