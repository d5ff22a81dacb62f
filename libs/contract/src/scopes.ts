/** What a key may be used for. */
export const SCOPES = [
  'tunnel',
  'previews:read',
  'previews:write',
  'intercepts:read',
  'intercepts:write',
  'sessions:read',
  'sessions:write',
  'keys:read',
  'keys:write',
  'team:read',
  'team:write',
  'audit:read',
] as const;
export type Scope = (typeof SCOPES)[number];
