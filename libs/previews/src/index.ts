export {
  type AskedPreview,
  type Closing,
  type MadePreview,
  type NewPreview,
  newInterceptId,
  type OpenedPreview,
  PreviewRules,
  type PreviewRulesOptions,
} from './preview-rules.js';
