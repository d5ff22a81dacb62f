export { Http2Error, protocolError } from './frames/errors.js';
export type { EndpointOwner, PeerStream } from './connection/endpoint.js';
export { HIGH_WATER_BYTES } from './connection/limits.js';
export { Output } from './connection/output.js';
export type { Trailers } from './connection/body-stream.js';
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
export { FieldKind, type HeaderField } from './hpack/header-field.js';
export type { ClientCall, ClientOwner } from './client/call.js';
export { ClientConnection } from './client/connection.js';
export type { ClientLimits, ClientOptions } from './client/limits.js';
export { FieldSection, ResponseFields } from './client/response-fields.js';
export {
  ClientStream,
  type ClientStreamHost,
  type RequestOptions,
  type ResponseHandler,
  type StreamFailure,
} from './client/stream.js';
export { type ConnectionOwner, ServerConnection } from './server/connection.js';
export { type ConnectionLimits } from './server/limits.js';
export { readRequestFields, type RequestFields } from './server/request-fields.js';
export { ServerStream, type StreamHandler } from './server/stream.js';
