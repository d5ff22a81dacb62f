/** Scopes of a key, or of the role of a person. */
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

/** What a member may do in a team; each role includes the ones after it. */
export const ROLES = ['owner', 'admin', 'member'] as const;
export type Role = (typeof ROLES)[number];

/** Credentials that can outlive their creator's membership in a team. */
export const MEMBER_CREDENTIAL_KINDS = ['api-key', 'share-link', 'preview-token', 'invitation'] as const;
export type MemberCredentialKind = (typeof MEMBER_CREDENTIAL_KINDS)[number];
