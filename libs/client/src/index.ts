export { apiError, problemOf, type ProblemWording } from './api/api-error.js';
export { createPreviewApi } from './api/create-preview-api.js';
export { createHttpClient, unreachable } from './api/http.js';
export { asClientError, ClientError, type ClientErrorCode, type ClientErrorOptions } from './client-error.js';
export { clientName } from './client-name.js';
export {
  checkPreviewName,
  defaultPreviewName,
  type PreviewSettings,
  removeExposed,
  wantedPreview,
} from './exposure/exposed-preview.js';
export { Exposure, type ExposureOptions, type ExposureTarget } from './exposure/exposure.js';
export {
  PreviewExposure,
  type PreviewExposureOptions,
  type PreviewPlan,
} from './exposure/preview-exposure.js';
export { type ExposedPreview, PREVIEW_READINGS, type PreviewApi } from './exposure/preview-api.js';
export { type Machine, thisMachine } from './machine/machine.js';
export { endProcess } from './machine/process-identity.js';
export {
  type Claim,
  type ClaimOptions,
  Running,
  RUNNING_KINDS,
  type RunningEntry,
  type RunningKind,
} from './machine/running.js';
export { type ClientOptions, createClient } from './public/create-client.js';
export type { ClientOperationId, CulvertClient } from './public/client-types.js';
export { expose } from './public/expose.js';
export type {
  ConnectionOptions,
  ExposeOptions,
  ExposeTarget,
  PreviewRequest,
  RunningPreview,
} from './public/types.js';
export { culvert, type CulvertPluginOptions } from './public/vite.js';
export { Http1Watch, type SeenRequest } from './requests/http1-watch.js';
export type { RefusalCode } from './requests/refusals.js';
export type { RequestRecord, RequestRecorder } from './requests/request-recorder.js';
export { TappedStream } from './requests/tapped-stream.js';
export { createBearer, credentialSource, type CredentialSource, signInHint } from './settings/bearer.js';
export { configDirectory } from './settings/config-directory.js';
export { CredentialFile, type StoredCredential, type StoredTokens } from './settings/credential-file.js';
export { OauthClient, statusOf, toStoredTokens } from './settings/oauth-client.js';
export { isLoopback, readServerUrl } from './settings/server-url.js';
export {
  checkApiKey,
  type GivenSettings,
  readSettings,
  type SettingNames,
  type Settings,
} from './settings/settings.js';
export { parseTarget, showTarget, type Target } from './target/target.js';
export { escapeUnsafe, hasUnsafe, plainJson, plainLines, plainText } from './text/plain-text.js';
export { VERSION } from './version.js';
