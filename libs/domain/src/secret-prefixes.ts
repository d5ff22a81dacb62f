/**
 * Prefixes of all secrets that Culvert gives to people and programs. This is the only list: generators, the log's
 * redaction, the inspector's masking and the rules for forwarded headers use it.
 */
export const SECRET_PREFIXES = {
  apiKey: 'cvt_',
  workloadToken: 'cvtw_',
  previewToken: 'cvp_',
  shareLink: 'cvs_',
  authorizationCode: 'cvtc_',
  deviceCode: 'cvtd_',
  accessToken: 'cvta_',
  refreshToken: 'cvtr_',
} as const;

/** Source of a regular expression that matches any of `SECRET_PREFIXES`, as one non-capturing group. */
export const SECRET_PREFIX_PATTERN = `(?:${Object.values(SECRET_PREFIXES).join('|')})`;
