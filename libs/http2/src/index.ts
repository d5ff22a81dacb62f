export { type ConnectionOwner, ServerConnection } from './connection.js';
export { ErrorCode } from './frame.js';
export type { HeaderField } from './header-field.js';
export { HpackDecoder } from './hpack/decoder.js';
export type { HpackEncoder } from './hpack/encoder.js';
export { type ConnectionLimits } from './limits.js';
export { readRequestFields, type RequestFields } from './request-fields.js';
export { ServerStream, type StreamHandler, type Trailers } from './stream.js';
