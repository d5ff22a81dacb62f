export { Http2Error, protocolError } from './frames/errors.js';
export { type DataSink, FrameReader, type FrameReaderOptions } from './frames/frame-reader.js';
export {
  ErrorCode,
  Flag,
  FrameType,
  HEADER_BYTES,
  INITIAL_FRAME_BYTES,
  INITIAL_WINDOW_BYTES,
  MAX_STREAM_ID,
  MAX_WINDOW_BYTES,
  PREFACE,
  Setting,
  writeFrameHeader,
} from './frames/frame.js';
export { unpad } from './frames/padding.js';
export { HpackDecoder } from './hpack/decoder.js';
export { HpackEncoder } from './hpack/encoder.js';
export type { HeaderField } from './hpack/header-field.js';
export { type ConnectionOwner, ServerConnection } from './server/connection.js';
export { type ConnectionLimits } from './server/limits.js';
export { readRequestFields, type RequestFields } from './server/request-fields.js';
export { ServerStream, type StreamHandler, type Trailers } from './server/stream.js';
