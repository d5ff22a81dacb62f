export { asClientError, ClientError, type ClientErrorCode, type ClientErrorOptions } from './client-error.js';
export { clientName } from './client-name.js';
export { checkPreviewName, defaultPreviewName, type PreviewSettings } from './exposure/exposed-preview.js';
export { Exposure, type ExposureOptions, type ExposureTarget } from './exposure/exposure.js';
export {
  PreviewExposure,
  type PreviewExposureOptions,
  type PreviewPlan,
} from './exposure/preview-exposure.js';
export { type ExposedPreview, PREVIEW_READINGS, type PreviewApi } from './exposure/preview-api.js';
export { Http1Watch, type SeenRequest } from './requests/http1-watch.js';
export { TappedStream } from './requests/tapped-stream.js';
export { parseTarget, showTarget, type Target } from './target/target.js';
export { plainJson, plainText } from './text/plain-text.js';
export { VERSION } from './version.js';
