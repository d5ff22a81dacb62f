export { ApiClient, type ApiClientOptions, type ApiReadings } from './api-client.js';
export { type Credential, keyCredential } from './credential.js';
export type { ApiFailure, Problem } from './failure.js';
export { read, ReadError } from './read.js';
export type { CallInput, Read, StreamedOperationId } from './types.js';
export type { ApiRequest, ApiResponse, ApiTransport } from './transport.js';
