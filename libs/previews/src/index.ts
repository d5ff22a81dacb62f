export {
  type AskedPreview,
  type Closing,
  type MadePreview,
  type NewPreview,
  newInterceptId,
  type OpenedPreview,
  PreviewRules,
  type PreviewRulesOptions,
  type InterceptStatus,
} from './preview-rules.js';
